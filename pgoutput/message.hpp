// The messages of the logical replication protocol, versions 1 to 4 (manual: "Logical Replication Message
// Formats"). A message is one tag byte and a body; the decoders take the body, and every offset in a
// decode_error counts from the body's first byte.
//
// Inside a streamed block (stream start … stream stop) most messages begin with the id of the
// (sub)transaction that they belong to. Nothing in the message says so: the caller knows from stream_state
// and passes it as `streamed`.
#pragma once

#include "pgoutput/message_logical.hpp"
#include "pgoutput/message_row.hpp"
#include "pgoutput/message_schema.hpp"
#include "pgoutput/message_stream.hpp"
#include "pgoutput/message_tag.hpp"
#include "pgoutput/message_transaction.hpp"
#include "pgoutput/message_truncate.hpp"
