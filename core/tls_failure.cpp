// OpenSSL's errors, said so that a reader knows what to do.
#include <algorithm>
#include <arpa/inet.h>
#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "core/tls_setup.hpp"

namespace tidewire {
namespace {

constexpr std::size_t max_name_bytes = 200;
constexpr int max_names = 8;

/// A certificate's text is a stranger's: nothing of it may reach a terminal but plain characters.
std::string plain(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  if (text.size() > max_name_bytes) text = text.substr(0, max_name_bytes) + "...";
  return text;
}

std::string general_name(const GENERAL_NAME* name) {
  int type = 0;
  auto* value = static_cast<ASN1_STRING*>(GENERAL_NAME_get0_value(name, &type));
  if (type != GEN_DNS && type != GEN_IPADD) return {};
  const unsigned char* data = ASN1_STRING_get0_data(value);
  int size = ASN1_STRING_length(value);
  if (type == GEN_DNS) return plain({reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)});
  char text[INET6_ADDRSTRLEN] = "";
  if (size == 4 || size == 16) ::inet_ntop(size == 4 ? AF_INET : AF_INET6, data, text, sizeof text);
  return text;
}

struct advice {
  const char* code;
  std::string hint;
};

advice advice_for(const tls_session::verify_report& report, const std::string& host) {
  switch (report.error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return {"TW-TLS-UNTRUSTED",
              report.error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
                  ? "the certificate is self-signed: get it from the server and name it with sslrootcert"
                  : "name the certificate of the authority that issued it with sslrootcert (hosters offer it "
                    "for download)"};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {"TW-TLS-EXPIRED", "renew the certificate on the server, and check this machine's clock"};
    case X509_V_ERR_CERT_NOT_YET_VALID: return {"TW-TLS-EXPIRED", "check the clocks of both machines"};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {"TW-TLS-HOST-NAME",
              "connect to a name that the certificate is for (with hostaddr the address "
              "can stay), or issue one for " +
                  plain(host)};
    case X509_V_ERR_CERT_REVOKED: return {"TW-TLS-REVOKED", "the server needs a new certificate"};
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return {"TW-TLS-REVOKED", "get a current revocation list for every authority of the chain (sslcrl)"};
    default: return {"TW-TLS-CERTIFICATE", "the server's certificate must be replaced"};
  }
}

std::string handshake_hint(int reason) {
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the server wants a client certificate: give sslcert and sslkey";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "the server does not know the authority of the client certificate (sslcert)";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      return "the server does not accept the client certificate (sslcert)";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "server and client have no TLS version in common; TLS 1.2 is the lowest that is spoken here";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST: return "what answers at this port does not speak TLS";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return "no cipher in common, or the server wants a client certificate (sslcert and sslkey)";
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK: return "the certificate's key or hash is too weak; the server needs a new one";
    default: return "the server's log may say more";
  }
}

bool is_about_client_certificate(int reason) {
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: return true;
    default: return false;
  }
}

}  // namespace

std::string openssl_reasons() {
  std::string text;
  for (int i = 0; i < 4; ++i) {
    unsigned long error = ERR_get_error();
    if (error == 0) break;
    const char* reason = ERR_SYSTEM_ERROR(error) ? nullptr : ERR_reason_error_string(error);
    std::string part = reason                    ? reason
                       : ERR_SYSTEM_ERROR(error) ? error_text(ERR_GET_REASON(error))
                                                 : "error " + std::to_string(error);
    if (text.find(part) != text.npos) continue;
    if (!text.empty()) text += ", ";
    text += part;
  }
  ERR_clear_error();
  return text.empty() ? "no reason given" : text;
}

std::string certificate_subject(const X509* certificate) {
  std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    return "?";
  char* data = nullptr;
  long size = BIO_get_mem_data(out.get(), &data);
  return plain({data, static_cast<std::size_t>(std::max(0l, size))});
}

std::string certificate_names(const X509* certificate) {
  std::string text = certificate_subject(certificate);
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  if (!names) return text;
  int count = sk_GENERAL_NAME_num(names);
  for (int i = 0; i < std::min(count, max_names); ++i) {
    std::string name = general_name(sk_GENERAL_NAME_value(names, i));
    if (!name.empty()) text += ", " + name;
  }
  if (count > max_names) text += ", ...";
  GENERAL_NAMES_free(names);
  return text;
}

failure certificate_failure(const tls_session::verify_report& report, const std::string& host) {
  advice what = advice_for(report, host);
  std::string text = "the server's certificate is not accepted: ";
  text += X509_verify_cert_error_string(report.error);
  text += " (it is for " + (report.peer_names.empty() ? std::string("nobody") : report.peer_names);
  if (report.depth > 0) text += "; the fault is in its issuer " + report.subject;
  text += ")";
  return {failure_kind::refused, what.code, text, what.hint};
}

failure certificate_not_asked() {
  return {failure_kind::refused, "TW-TLS-CERTIFICATE-NOT-ASKED",
          "the server did not ask for the client certificate, which sslcertmode=require wants it to see",
          "name the authority of client certificates on the server (ssl_ca_file), or lower sslcertmode"};
}

failure tls_failure(const char* doing, bool established) {
  unsigned long error = ERR_peek_error();
  int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  std::string text = std::string(doing) + " failed: " + openssl_reasons();
  // With TLS 1.3 the server judges our certificate after its own part of the handshake is done.
  if (is_about_client_certificate(reason))
    return {failure_kind::refused, "TW-TLS-CLIENT-CERTIFICATE", text, handshake_hint(reason)};
  if (established) return {failure_kind::transient, "TW-TLS-BROKEN", text, "a reconnect may help"};
  return {failure_kind::refused, "TW-TLS-HANDSHAKE", text, handshake_hint(reason)};
}

}  // namespace tidewire
