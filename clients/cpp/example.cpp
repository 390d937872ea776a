// An order's life, told to a cluster: the example of the C++ client library.
//   spex-client-example ENDPOINT
// Needs the specification `order` of config/example.
#include <cstdio>
#include <string>

#include "clients/cpp/client.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s ENDPOINT\n", argv[0]);
    return 2;
  }
  spex::client::ClientOptions options;
  options.endpoint = argv[1];
  options.retry.give_up = std::chrono::seconds(10);
  spex::client::Client client(options);

  // Blocking, with errors as values.
  const std::string order = "example-" + std::to_string(client.id());
  const auto made = client.init_instance("order", order, {.initial_state = "start"});
  if (!made.ok) {
    std::fprintf(stderr, "init: %s\n", made.to_text().c_str());
    return 1;
  }

  // Pipelined: both are on their way before the first is answered; their order is kept.
  unsigned deviations = 0;
  const auto count = [&](const spex::client::Answer& answer) { deviations += answer.ok ? 0 : 1; };
  client.submit(spex::client::transition(order, "pay", "paid"), count);
  client.submit(spex::client::transition(order, "ship", "on_the_way"), count);
  client.wait_all();

  // Throwing.
  try {
    const auto instance = client.get_instance_or_throw(order);
    std::printf("%s is %s; %u deviations\n", order.c_str(), instance.find("current_state")->string()->c_str(),
                deviations);
  } catch (const spex::client::Failure& failure) {
    std::fprintf(stderr, "get: %s\n", failure.what());
    return 1;
  }
  return 0;
}
