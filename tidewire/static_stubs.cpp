// Linked into the static binary only. glibc would load NSS modules and OpenSSL its providers from the machine
// the binary runs on, and a static program that loads a shared object built for another glibc dies. Names are
// resolved through c-ares and nothing needs a plug-in, so both ways are closed here.
#include <dlfcn.h>
#include <netdb.h>

extern "C" {

int getaddrinfo(const char*, const char*, const struct addrinfo*, struct addrinfo** result) {
  *result = nullptr;
  return EAI_FAIL;
}
void freeaddrinfo(struct addrinfo*) noexcept {}
int getnameinfo(const struct sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int) {
  return EAI_FAIL;
}
struct hostent* gethostbyname(const char*) {
  return nullptr;
}
struct hostent* gethostbyname2(const char*, int) {
  return nullptr;
}
struct hostent* gethostbyaddr(const void*, socklen_t, int) {
  return nullptr;
}
int gethostbyname_r(const char*, struct hostent*, char*, size_t, struct hostent** result, int* error) {
  *result = nullptr;
  *error = NO_RECOVERY;
  return 1;
}
int gethostbyaddr_r(const void*, socklen_t, int, struct hostent*, char*, size_t, struct hostent** result,
                    int* error) {
  *result = nullptr;
  *error = NO_RECOVERY;
  return 1;
}
struct servent* getservbyname(const char*, const char*) {
  return nullptr;
}
struct servent* getservbyport(int, const char*) {
  return nullptr;
}
int getservbyname_r(const char*, const char*, struct servent*, char*, size_t, struct servent** result) {
  *result = nullptr;
  return 1;
}
int getservbyport_r(int, const char*, struct servent*, char*, size_t, struct servent** result) {
  *result = nullptr;
  return 1;
}

void* dlopen(const char*, int) noexcept {
  return nullptr;
}
void* dlsym(void*, const char*) noexcept {
  return nullptr;
}
int dlclose(void*) noexcept {
  return 0;
}
char* dlerror() noexcept {
  return const_cast<char*>("no shared objects in a static binary");
}
int dladdr(const void*, Dl_info*) noexcept {
  return 0;
}
}
