#include "cli/output.hpp"
#include "control/client.hpp"
#include "control/run_dir.hpp"

#include <stdexcept>

namespace sluice::cli {

int status(const status_options& asked) {
  try {
    const auto socket = control::find_socket(control::run_dirs(), asked.pipeline);
    const std::string what = asked.format == "json"         ? "status"
                             : asked.format == "prometheus" ? "metrics"
                                                            : "page";
    std::string document = control::ask(socket, {what, 0});
    if (!document.ends_with('\n')) document += '\n';
    print(document);
    return done;
  } catch (const std::runtime_error& why) {
    complain(std::string{"sluice status: "} + why.what() + "\n");
    return unavailable;
  }
}

}  // namespace sluice::cli
