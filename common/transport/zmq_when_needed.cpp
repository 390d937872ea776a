// The functions of libzmq that transport/ calls, for a program that mostly does
// without: the library is opened by the first call.
//
// libzmq brings thirteen further libraries, which take longer to load than the
// comparison of two small systems takes (docs/decisions/0013). Linked instead of
// libzmq by transport_when_needed_dep, so a function that is missing here is one
// that the linker misses. Nothing is checked at a call but that libzmq is there.
#include <dlfcn.h>
#include <unistd.h>
#include <zmq.h>

#include <cstddef>
#include <cstdio>

namespace {

constexpr const char* kLibrary = "libzmq.so.5";
constexpr int kNotLoaded = 127;  // as the dynamic loader exits for want of a library

[[noreturn]] void give_up(const char* wanted) {
  std::fprintf(stderr, "cannot talk to a cluster: opening %s of %s failed: %s; is the package libzmq5 installed?\n",
               wanted, kLibrary, dlerror());
  _exit(kNotLoaded);
}

// Of the type of `declared`, which is the function that calls this.
template <typename Function>
Function* of_library(Function& /*declared*/, const char* name) {
  static void* const kHandle = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (kHandle == nullptr) give_up(name);
  void* const found = dlsym(kHandle, name);
  if (found == nullptr) give_up(name);
  return reinterpret_cast<Function*>(found);
}

}  // namespace

extern "C" {

int zmq_errno() {
  static auto* const kFunction = of_library(zmq_errno, __func__);
  return kFunction();
}

const char* zmq_strerror(int number) {
  static auto* const kFunction = of_library(zmq_strerror, __func__);
  return kFunction(number);
}

void* zmq_ctx_new() {
  static auto* const kFunction = of_library(zmq_ctx_new, __func__);
  return kFunction();
}

int zmq_ctx_set(void* context, int option, int value) {
  static auto* const kFunction = of_library(zmq_ctx_set, __func__);
  return kFunction(context, option, value);
}

int zmq_ctx_term(void* context) {
  static auto* const kFunction = of_library(zmq_ctx_term, __func__);
  return kFunction(context);
}

void* zmq_socket(void* context, int type) {
  static auto* const kFunction = of_library(zmq_socket, __func__);
  return kFunction(context, type);
}

int zmq_close(void* socket) {
  static auto* const kFunction = of_library(zmq_close, __func__);
  return kFunction(socket);
}

int zmq_bind(void* socket, const char* address) {
  static auto* const kFunction = of_library(zmq_bind, __func__);
  return kFunction(socket, address);
}

int zmq_connect(void* socket, const char* address) {
  static auto* const kFunction = of_library(zmq_connect, __func__);
  return kFunction(socket, address);
}

int zmq_setsockopt(void* socket, int option, const void* value, std::size_t bytes) {
  static auto* const kFunction = of_library(zmq_setsockopt, __func__);
  return kFunction(socket, option, value, bytes);
}

int zmq_getsockopt(void* socket, int option, void* value, std::size_t* bytes) {
  static auto* const kFunction = of_library(zmq_getsockopt, __func__);
  return kFunction(socket, option, value, bytes);
}

int zmq_send(void* socket, const void* data, std::size_t bytes, int flags) {
  static auto* const kFunction = of_library(zmq_send, __func__);
  return kFunction(socket, data, bytes, flags);
}

int zmq_msg_init(zmq_msg_t* message) {
  static auto* const kFunction = of_library(zmq_msg_init, __func__);
  return kFunction(message);
}

int zmq_msg_recv(zmq_msg_t* message, void* socket, int flags) {
  static auto* const kFunction = of_library(zmq_msg_recv, __func__);
  return kFunction(message, socket, flags);
}

int zmq_msg_close(zmq_msg_t* message) {
  static auto* const kFunction = of_library(zmq_msg_close, __func__);
  return kFunction(message);
}

void* zmq_msg_data(zmq_msg_t* message) {
  static auto* const kFunction = of_library(zmq_msg_data, __func__);
  return kFunction(message);
}

std::size_t zmq_msg_size(const zmq_msg_t* message) {
  static auto* const kFunction = of_library(zmq_msg_size, __func__);
  return kFunction(message);
}

int zmq_msg_more(const zmq_msg_t* message) {
  static auto* const kFunction = of_library(zmq_msg_more, __func__);
  return kFunction(message);
}

}  // extern "C"
