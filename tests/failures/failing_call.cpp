// Loaded before a program (LD_PRELOAD), lets the n-th call of one kind fail, as a kernel or a
// machine without memory would let it.
//
//   SLUICE_FAIL        socket connect accept send receive open dlopen or allocation
//   SLUICE_FAIL_NTH    which call of that kind: 1 is the first
//   SLUICE_FAIL_SAID   a file that is made when it has failed
//
// Calls are counted from main on, in all threads together; those before and after it are made as
// they are.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

enum class kind { nothing, socket, connect, accept, send, receive, open, dlopen, allocation };

// Constant-initialized: calls are made before this library's turn to be initialized comes.
constinit kind fails = kind::nothing;
constinit long nth = 0;
constinit const char* said = nullptr;
constinit std::atomic<long> calls{0};

void read_environment() {
  constexpr const char* names[] = {"",        "socket", "connect", "accept",    "send",
                                   "receive", "open",   "dlopen",  "allocation"};
  const char* wanted = std::getenv("SLUICE_FAIL");
  const char* number = std::getenv("SLUICE_FAIL_NTH");
  if (wanted == nullptr || number == nullptr) return;
  said = std::getenv("SLUICE_FAIL_SAID");
  nth = std::atol(number);
  for (int i = 1; i < static_cast<int>(std::size(names)); ++i)
    if (std::strcmp(names[i], wanted) == 0) fails = static_cast<kind>(i);
}

/// Whether this call of the kind is the one. Makes no call that is counted.
bool is_it(kind of) {
  if (fails != of || calls.fetch_add(1) + 1 != nth) return false;
  if (said != nullptr) {
    const long file = syscall(SYS_openat, AT_FDCWD, said, O_WRONLY | O_CREAT, 0600);
    if (file >= 0) syscall(SYS_close, file);
  }
  return true;
}

template <typename Function>
Function* real(Function* mine, const char* name) {
  static_cast<void>(mine);
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int (*program)(int, char**, char**) = nullptr;

/// What a library does as it is loaded is not the program's doing.
int counted_main(int count, char** words, char** variables) {
  read_environment();
  return program(count, words, variables);
}

int refuse(int error) {
  errno = error;
  return -1;
}

}  // namespace

// What the next call of this name is, looked for once.
#define NEXT(name) static decltype(&::name) const next = real(&::name, #name)

extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int count, char** words, void (*init)(),
                      void (*fini)(), void (*loaded)(), void* stack) {
  using starting =
      int(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*);
  program = main;
  const auto next = reinterpret_cast<starting*>(dlsym(RTLD_NEXT, "__libc_start_main"));
  return next(&counted_main, count, words, init, fini, loaded, stack);
}

int socket(int domain, int type, int protocol) noexcept {
  NEXT(socket);
  return is_it(kind::socket) ? refuse(EMFILE) : next(domain, type, protocol);
}

int connect(int file, const sockaddr* to, socklen_t size) {
  NEXT(connect);
  return is_it(kind::connect) ? refuse(ENETUNREACH) : next(file, to, size);
}

int accept(int file, sockaddr* from, socklen_t* size) {
  NEXT(accept);
  return is_it(kind::accept) ? refuse(EMFILE) : next(file, from, size);
}

ssize_t send(int file, const void* data, size_t size, int flags) {
  NEXT(send);
  return is_it(kind::send) ? refuse(ECONNRESET) : next(file, data, size, flags);
}
ssize_t sendmsg(int file, const msghdr* message, int flags) {
  NEXT(sendmsg);
  return is_it(kind::send) ? refuse(ECONNRESET) : next(file, message, flags);
}

ssize_t recv(int file, void* data, size_t size, int flags) {
  NEXT(recv);
  return is_it(kind::receive) ? refuse(ECONNRESET) : next(file, data, size, flags);
}
ssize_t recvmsg(int file, msghdr* message, int flags) {
  NEXT(recvmsg);
  return is_it(kind::receive) ? refuse(ECONNRESET) : next(file, message, flags);
}

int open(const char* path, int flags, ...) {
  NEXT(open);
  va_list more;
  va_start(more, flags);
  const auto mode = va_arg(more, mode_t);
  va_end(more);
  return is_it(kind::open) ? refuse(EMFILE) : next(path, flags, mode);
}
int memfd_create(const char* name, unsigned flags) noexcept {
  NEXT(memfd_create);
  return is_it(kind::open) ? refuse(EMFILE) : next(name, flags);
}
int openat(int folder, const char* path, int flags, ...) {
  NEXT(openat);
  va_list more;
  va_start(more, flags);
  const auto mode = va_arg(more, mode_t);
  va_end(more);
  return is_it(kind::open) ? refuse(EMFILE) : next(folder, path, flags, mode);
}
FILE* fopen(const char* path, const char* mode) {
  NEXT(fopen);
  return is_it(kind::open) ? (refuse(EMFILE), nullptr) : next(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  NEXT(fopen64);
  return is_it(kind::open) ? (refuse(EMFILE), nullptr) : next(path, mode);
}

/// A question whether something is loaded is not counted: "no" would be a wrong answer.
void* dlopen(const char* file, int flags) noexcept {
  NEXT(dlopen);
  const bool loads = file != nullptr && (flags & RTLD_NOLOAD) == 0;
  return next(loads && is_it(kind::dlopen) ? "/a/library/that/is/nowhere.so" : file, flags);
}

}  // extern "C"

// --- C++'s allocations
// ----------------------------------------------------------------------------

namespace {
void* allocate(std::size_t size, std::size_t alignment) {
  if (is_it(kind::allocation)) return nullptr;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size == 0 ? 1 : size);
  void* made = nullptr;
  return posix_memalign(&made, alignment, size) == 0 ? made : nullptr;
}
void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* made = allocate(size, alignment);
  if (made == nullptr) throw std::bad_alloc{};
  return made;
}
}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* what) noexcept { std::free(what); }
void operator delete[](void* what) noexcept { std::free(what); }
void operator delete(void* what, std::size_t) noexcept { std::free(what); }
void operator delete[](void* what, std::size_t) noexcept { std::free(what); }
void operator delete(void* what, std::align_val_t) noexcept { std::free(what); }
void operator delete[](void* what, std::align_val_t) noexcept { std::free(what); }
void operator delete(void* what, std::size_t, std::align_val_t) noexcept { std::free(what); }
void operator delete[](void* what, std::size_t, std::align_val_t) noexcept { std::free(what); }
void operator delete(void* what, const std::nothrow_t&) noexcept { std::free(what); }
void operator delete[](void* what, const std::nothrow_t&) noexcept { std::free(what); }
