// All of the binlog codecs.
#pragma once

#include "binlog/compressed_event.hpp"
#include "binlog/event_reader.hpp"
#include "binlog/file_events.hpp"
#include "binlog/group_replication.hpp"
#include "binlog/gtid_event.hpp"
#include "binlog/gtid_set.hpp"
#include "binlog/heartbeat.hpp"
#include "binlog/mariadb_gtid_position.hpp"
#include "binlog/query.hpp"
#include "binlog/query_kind.hpp"
#include "binlog/row_text.hpp"
#include "binlog/rows.hpp"
#include "binlog/statement_events.hpp"
#include "binlog/table_cache.hpp"
#include "binlog/transaction_end.hpp"
#include "binlog/transaction_payload.hpp"
