// client_ed25519 signs with a key that is SHA-512 of the password itself, where Ed25519 hashes a seed of 32
// bytes: OpenSSL's interface can't do that. So the curve is here (RFC 8032 §5.1), on OpenSSL's big numbers;
// slow, but it is one signature for each login.
#include <memory>
#include <openssl/bn.h>
#include <openssl/evp.h>

#include "binlog/scramble.hpp"
#include "core/failure.hpp"

namespace tidewire::binlog {

namespace {

struct free_bn {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using number = std::unique_ptr<BIGNUM, free_bn>;
using bytes = std::vector<std::uint8_t>;

[[noreturn]] void failed() {
  throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED",
                "OpenSSL failed to compute for client_ed25519", ""};
}

void check(int result) {
  if (result != 1) failed();
}

number make() {
  number made(BN_new());
  if (!made) failed();
  return made;
}

number parse(const char* hex) {
  BIGNUM* made = nullptr;
  if (!BN_hex2bn(&made, hex)) failed();
  return number(made);
}

number from_little(byte_view in) {
  number made(BN_lebin2bn(in.data(), static_cast<int>(in.size()), nullptr));
  if (!made) failed();
  return made;
}

bytes sha512(std::initializer_list<byte_view> parts) {
  bytes out(64), joined;
  for (byte_view part : parts) joined.insert(joined.end(), part.begin(), part.end());
  check(EVP_Digest(joined.data(), joined.size(), out.data(), nullptr, EVP_sha512(), nullptr));
  OPENSSL_cleanse(joined.data(), joined.size());
  return out;
}

/// x = X/Z, y = Y/Z, xy = T/Z.
struct point {
  number x = make(), y = make(), z = make(), t = make();
};

/// The curve −x² + y² = 1 + dx²y² modulo p.
class curve {
 public:
  curve() : context_(BN_CTX_new()) {
    if (!context_) failed();
  }

  const BIGNUM* order() const { return order_.get(); }
  BN_CTX* context() { return context_.get(); }

  /// RFC 8032 §5.1.4: complete, so it doubles too.
  point add(const point& a, const point& b) {
    number one = sub(a.y, a.x), two = sub(b.y, b.x), A = mul(one, two);
    one = sum(a.y, a.x);
    two = sum(b.y, b.x);
    number B = mul(one, two);
    number C = mul(a.t, b.t);
    C = mul(C, d_);
    C = sum(C, C);
    number D = mul(a.z, b.z);
    D = sum(D, D);
    number E = sub(B, A), F = sub(D, C), G = sum(D, C), H = sum(B, A);
    point out;
    out.x = mul(E, F);
    out.y = mul(G, H);
    out.t = mul(E, H);
    out.z = mul(F, G);
    return out;
  }

  /// The same steps whatever the scalar's bits are.
  point multiply_base(const BIGNUM* scalar) {
    point low = neutral(), high = base();
    for (int i = 255; i >= 0; --i) {
      if (BN_is_bit_set(scalar, i)) {
        low = add(low, high);
        high = add(high, high);
      } else {
        high = add(low, high);
        low = add(low, low);
      }
    }
    return low;
  }

  bytes encode(const point& of) {
    number inverse(BN_mod_inverse(nullptr, of.z.get(), p_.get(), context_.get()));
    if (!inverse) failed();
    number x = mul(of.x, inverse), y = mul(of.y, inverse);
    bytes out(32);
    if (BN_bn2lebinpad(y.get(), out.data(), 32) != 32) failed();
    if (BN_is_odd(x.get())) out[31] |= 0x80;
    return out;
  }

 private:
  point neutral() {
    point made;
    BN_zero(made.x.get());
    BN_zero(made.t.get());
    check(BN_one(made.y.get()));
    check(BN_one(made.z.get()));
    return made;
  }
  point base() {
    point made;
    made.x = parse("216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A");
    made.y = parse("6666666666666666666666666666666666666666666666666666666666666658");
    check(BN_one(made.z.get()));
    made.t = mul(made.x, made.y);
    return made;
  }

  number mul(const number& a, const number& b) {
    number out = make();
    check(BN_mod_mul(out.get(), a.get(), b.get(), p_.get(), context_.get()));
    return out;
  }
  number sum(const number& a, const number& b) {
    number out = make();
    check(BN_mod_add(out.get(), a.get(), b.get(), p_.get(), context_.get()));
    return out;
  }
  number sub(const number& a, const number& b) {
    number out = make();
    check(BN_mod_sub(out.get(), a.get(), b.get(), p_.get(), context_.get()));
    return out;
  }

  std::unique_ptr<BN_CTX, free_bn> context_;
  number p_ = parse("7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED");
  number d_ = parse("52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3");
  number order_ = parse("1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED");
};

}  // namespace

bytes ed25519_password(const secret& password, byte_view salt) {
  curve on;
  bytes hash = sha512({as_bytes(password.reveal())});
  bytes scalar_bytes(hash.begin(), hash.begin() + 32);
  scalar_bytes[0] &= 0xf8;
  scalar_bytes[31] = (scalar_bytes[31] & 0x3f) | 0x40;
  number scalar = from_little(scalar_bytes);
  bytes public_key = on.encode(on.multiply_base(scalar.get()));
  byte_view prefix = byte_view(hash).subspan(32);
  number nonce = from_little(sha512({prefix, salt}));
  check(BN_nnmod(nonce.get(), nonce.get(), on.order(), on.context()));
  bytes signature = on.encode(on.multiply_base(nonce.get()));
  number challenge = from_little(sha512({signature, public_key, salt}));
  check(BN_nnmod(challenge.get(), challenge.get(), on.order(), on.context()));
  number s = make();
  check(BN_mod_mul(s.get(), challenge.get(), scalar.get(), on.order(), on.context()));
  check(BN_mod_add(s.get(), s.get(), nonce.get(), on.order(), on.context()));
  signature.resize(64);
  if (BN_bn2lebinpad(s.get(), signature.data() + 32, 32) != 32) failed();
  OPENSSL_cleanse(hash.data(), hash.size());
  OPENSSL_cleanse(scalar_bytes.data(), scalar_bytes.size());
  return signature;
}

}  // namespace tidewire::binlog
