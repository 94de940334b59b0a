#include "cli/output.hpp"
#include "cli/service.hpp"
#include "config/text.hpp"
#include "control/run_dir.hpp"
#include "runtime/clock.hpp"
#include "runtime/pipeline.hpp"
#include "telemetry/log.hpp"
#include "telemetry/status.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace sluice::cli {
namespace {

std::uint32_t severity_of(const std::string& name) {
  for (std::uint32_t one = SLUICE_DEBUG; one < SLUICE_ERROR; ++one)
    if (name == telemetry::severity_name(one)) return one;
  return SLUICE_ERROR;
}

int end_of(const runtime::pipeline& pipeline, const run_options& asked, telemetry::log& log) {
  const runtime::snapshot seen = pipeline.read();
  const std::string balance = telemetry::balance_text(seen);
  if (asked.json_log)
    log.write(SLUICE_INFO, "", balance);
  else
    complain(balance);
  if (!seen.stopped_by.empty()) {
    log.write(SLUICE_ERROR, seen.stopped_by, "its fault ended the pipeline");
    return failure;
  }
  if (seen.imbalance != 0) {
    log.write(SLUICE_ERROR, "", "the ledger does not balance");
    return failure;
  }
  return pipeline.drained_with_loss() ? drained_with_loss : done;
}

int run_pipeline(config::load_result loaded, const run_options& asked, std::int64_t status_every) {
  config::pipeline_spec spec = std::move(*loaded.pipeline);
  const runtime::system_clock time;
  telemetry::log log{{asked.json_log, severity_of(asked.log_level), {}}, time};
  int code = failure;
  try {
    const std::string name = spec.name;
    service serving{
        {control::socket_file(control::own_run_dir(control::run_dirs()), name),
         spec.drain_limit_ns,
         status_every,
         {[from = make_loader(asked.from)](std::string_view plugin) { return from.find(plugin); },
          [file = asked.from.env_file] { return config::process_environment(file); }}},
        log};
    const std::size_t stages = spec.stages.size();
    runtime::pipeline pipeline{std::move(spec), time, log.logger()};
    log.write(SLUICE_INFO, "",
              fmt::format("sluice {} runs {} of {} stages", SLUICE_VERSION, name, stages));
    serving.run(pipeline);
    code = end_of(pipeline, asked, log);
  } catch (const std::exception& why) {
    log.write(SLUICE_ERROR, "", words_of(why));
  }
  // Here, as what was left behind may use the clock and the log.
  return ended(code);
}

}  // namespace

int run(const run_options& asked) {
  std::int64_t status_every = 0;
  if (!asked.status_every.empty()) {
    const auto parsed = config::parse_duration(asked.status_every, true);
    if (!parsed || *parsed < 100'000'000) {
      complain("--status-every: a duration of 100ms or more, as 1s\n");
      return usage;
    }
    status_every = *parsed;
  }
  config::load_result result = load(asked.file, asked.from);
  complain(result);
  if (!result.pipeline) return bad_configuration;
  return run_pipeline(std::move(result), asked, status_every);
}

}  // namespace sluice::cli
