#include "conformance/watch.hpp"

#include <sluice/record.hpp>

#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

namespace sluice::testing::conformance {

namespace {

/// What of a record is not a transform's to change; null if nothing of it was.
const char* changed(const sluice_record& was, const sluice_record& is) {
  if (was.key != is.key) return "key";
  if (was.index != is.index) return "index";
  if (was.schema != is.schema) return "schema";
  if (was.flags != is.flags) return "flags";
  if (was.seq != is.seq) return "seq";
  if (was.received_ns != is.received_ns) return "received_ns";
  if (was.exchange_ns != is.exchange_ns) return "exchange_ns";
  if (was.data != is.data) return "data";
  if (was.size != is.size) return "size";
  if (was.reserved != is.reserved) return "reserved";
  return nullptr;
}

/// All payloads, one behind the other.
std::vector<std::uint8_t> payloads(const sluice_record* records, std::uint32_t count) {
  std::vector<std::uint8_t> all;
  for (std::uint32_t i = 0; i < count; ++i)
    all.insert(all.end(), records[i].data, records[i].data + records[i].size);
  return all;
}

}  // namespace

watch* watch::current_ = nullptr;

watch::watch(const sluice_plugin& of) : of_{of}, watched_{of} {
  current_ = this;
  watched_.create = &create;
  watched_.destroy = &destroy;
  if (of.process != nullptr) watched_.process = &process;
  if (of.poll != nullptr) watched_.poll = &poll;
}

watch::~watch() { current_ = nullptr; }

void* watch::create(const sluice_host* host, const sluice_value* values, std::uint32_t count,
                    sluice_text* error) {
  // The host's table is its object's own, and lives as long.
  auto* table = const_cast<sluice_host*>(host);
  if (table->extension != &extension_of_host) {
    current_->host_extension_ = table->extension;
    table->extension = &extension_of_host;
  }
  void* made = current_->of_.create(host, values, count, error);
  if (made == nullptr) return made;
  ++current_->created_;
  current_->self_ = made;
  if (current_->on_create) current_->on_create({made, host, values, count});
  return made;
}

void watch::destroy(void* stage) {
  ++current_->destroyed_;
  current_->of_.destroy(stage);
}

const void* watch::extension_of_host(const sluice_host* host, sluice_str id) {
  current_->asked_.emplace(view(id));
  return current_->host_extension_(host, id);
}

sluice_status watch::process(void* stage, sluice_batch* batch, sluice_text* error) {
  const std::vector<sluice_record> records{batch->records, batch->records + batch->count};
  const std::vector<std::uint8_t> bytes = payloads(batch->records, batch->count);
  sluice_batch before = *batch;
  const sluice_status status = current_->of_.process(stage, batch, error);
  if (!current_->broken_.empty()) return status;
  if (batch->count != before.count || batch->records != before.records ||
      batch->answers != before.answers || batch->pressure != before.pressure) {
    current_->broken_ = "process changed the batch itself";
    *batch = before;
    return status;
  }
  before.records = const_cast<sluice_record*>(records.data());
  current_->look(before, *batch);
  if (current_->broken_.empty() && payloads(before.records, before.count) != bytes)
    current_->broken_ = "process wrote into a payload, which is borrowed and constant";
  return status;
}

void watch::look(const sluice_batch& before, const sluice_batch& after) {
  for (std::uint32_t i = 0; i < before.count; ++i)
    if (const char* what = changed(before.records[i], after.records[i])) {
      broken_ = "process changed " + std::string{what} + " of record " + std::to_string(i) +
                " of a batch of " + std::to_string(before.count);
      return;
    }
}

sluice_status watch::poll(void* stage, std::int64_t wait_ns, sluice_text* error) {
  if (current_->on_poll) wait_ns = current_->on_poll(stage, wait_ns);
  const auto began = std::chrono::steady_clock::now();
  const sluice_status status = current_->of_.poll(stage, wait_ns, error);
  if (current_->after_poll)
    current_->after_poll(
        std::chrono::nanoseconds{std::chrono::steady_clock::now() - began}.count());
  return status;
}

}  // namespace sluice::testing::conformance
