// MONGODB-AWS: the server asks Amazon's STS who we are, with a request that we have signed and it sends.
// https://github.com/mongodb/specifications/blob/master/source/auth/auth.md#mongodb-aws
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"
#include "core/environment.hpp"
#include "mongo_wire/aws_signature.hpp"
#include "mongo_wire/connection_string.hpp"

namespace tidewire::mongo_wire {

/// Where a string with authMechanism=MONGODB-AWS has no user: the access key, its secret and a session token
/// from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Throws failure TW-AUTH-NO-PASSWORD
/// where they are not all there, TW-AUTH-NOT-SUPPORTED where they would have to be fetched from one of
/// Amazon's endpoints.
void add_aws_credentials(connection_options& to, const environment& variables);

using aws_nonce = std::array<std::uint8_t, 32>;
aws_nonce make_aws_nonce();

/// The region that the STS host is of: nothing if it is no name of a host.
std::optional<std::string> aws_region(std::string_view host);

/// The two messages of the client, BSON. The second throws failure TW-AUTH-AWS for a first message of the
/// server that can't be decoded, does not continue our nonce or names no host. `unix_s`: the time now.
std::vector<std::uint8_t> aws_client_first(const aws_nonce& nonce);
std::vector<std::uint8_t> aws_client_second(const aws_credentials& credentials, const aws_nonce& nonce,
                                            byte_view server_first, std::int64_t unix_s);

}  // namespace tidewire::mongo_wire
