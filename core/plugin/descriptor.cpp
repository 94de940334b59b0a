#include "plugin/descriptor.hpp"

#include "config/docs.hpp"
#include "config/pipeline.hpp"
#include "config/plugin_rows.hpp"
#include "config/text.hpp"
#include "plugin/names.hpp"

#include <sluice/ext/codec.h>
#include <sluice/ext/guard.h>
#include <sluice/ext/swap.h>
#include <sluice/record.hpp>

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace sluice::plugin {
namespace {

using config::kind_name;

// What a struct of ABI 1.0 has, however much longer this host's own is: a plugin of that time loads
// for as long as the major is the same.
constexpr std::uint32_t descriptor_min =
    offsetof(sluice_plugin, extension) + sizeof(sluice_plugin::extension);
constexpr std::uint32_t row_min = offsetof(sluice_field, maximum) + sizeof(sluice_field::maximum);
constexpr std::uint32_t guard_min = offsetof(sluice_guard, force) + sizeof(sluice_guard::force);
constexpr std::uint32_t swap_min =
    offsetof(sluice_swap, reconfigure) + sizeof(sluice_swap::reconfigure);
constexpr std::uint32_t codec_list_min =
    offsetof(sluice_codec_list, codecs) + sizeof(sluice_codec_list::codecs);
constexpr std::uint32_t codec_min =
    offsetof(sluice_codec, read_field) + sizeof(sluice_codec::read_field);
/// A row this long is no row.
constexpr std::uint32_t row_max = 1024;
constexpr std::uint32_t rows_max = 1024;
constexpr std::uint32_t emits_max = 256;

template <typename... Values>
[[noreturn]] void refuse(fmt::format_string<Values...> why, Values&&... values) {
  throw std::runtime_error{fmt::format(why, std::forward<Values>(values)...)};
}

void check_version(const sluice_plugin& plugin) {
  if (plugin.magic != SLUICE_ABI_MAGIC)
    refuse("its {} begins with {:#010x}, a plugin's with {:#010x}", SLUICE_ENTRY_SYMBOL,
           plugin.magic, SLUICE_ABI_MAGIC);
  if (plugin.abi_major != SLUICE_ABI_MAJOR)
    refuse("was built for plugin ABI {}.{}, this host has {}.{}: build it with this host's SDK",
           plugin.abi_major, plugin.abi_minor, SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR);
  if (plugin.abi_minor > SLUICE_ABI_MINOR)
    refuse(
        "was built for plugin ABI {}.{}, newer than this host's {}.{}: update the host, or "
        "build it with this host's SDK",
        plugin.abi_major, plugin.abi_minor, SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR);
}

void check_sizes(const sluice_plugin& plugin, std::uint64_t symbol_size) {
  if (plugin.size < descriptor_min)
    refuse("too small a struct: its sluice_plugin has {} bytes, ABI {}.{} has {}", plugin.size,
           plugin.abi_major, plugin.abi_minor, descriptor_min);
  if (symbol_size != 0 && plugin.size > symbol_size)
    refuse("too small a struct: its sluice_plugin says {} bytes, the file has {}", plugin.size,
           symbol_size);
  if (plugin.field_count != 0 && plugin.field_size < row_min)
    refuse("too small a struct: its sluice_field has {} bytes, ABI {}.{} has {}", plugin.field_size,
           plugin.abi_major, plugin.abi_minor, row_min);
  if (plugin.field_count != 0 && plugin.field_size > row_max)
    refuse("its sluice_field says {} bytes, {} are allowed", plugin.field_size, row_max);
  if (plugin.field_count > rows_max)
    refuse("has {} rows, {} are allowed", plugin.field_count, rows_max);
  if (plugin.emit_count > emits_max)
    refuse("emits {} schemas, {} are allowed", plugin.emit_count, emits_max);
  if (plugin.field_count != 0 && plugin.fields == nullptr) refuse("its rows are null");
  if (plugin.emit_count != 0 && plugin.emits == nullptr) refuse("its emitted schemas are null");
}

void check_names(const sluice_plugin& plugin) {
  if (!is_snake_case(view(plugin.name)))
    refuse("its name must be of a-z, 0-9 and _, beginning with a letter, 64 at most");
  if (!is_version(view(plugin.version)))
    refuse("its version '{}' must be of letters, digits and .+~-, 64 at most",
           view(plugin.version).substr(0, 64));
  if (view(plugin.summary).empty()) refuse("has no summary");
  if (plugin.kind > SLUICE_SERVICE)
    refuse("its kind is {}, known are 0 to {}", plugin.kind, +SLUICE_SERVICE);
}

void check_capabilities(const sluice_plugin& plugin) {
  struct rule {
    std::uint32_t bit;
    const char* name;
    std::uint32_t only_kind;
  };
  static constexpr std::array rules = {
      rule{SLUICE_CAN_ABSORB, "CAN_ABSORB", SLUICE_TRANSFORM},
      rule{SLUICE_CAN_HOLD, "CAN_HOLD", SLUICE_TRANSFORM},
      rule{SLUICE_CAN_EMIT, "CAN_EMIT", SLUICE_TRANSFORM},
      rule{SLUICE_NEVER_DELAY, "NEVER_DELAY", SLUICE_SOURCE},
      rule{SLUICE_CAN_PRINT, "CAN_PRINT", SLUICE_SINK},
  };
  std::uint32_t known = SLUICE_CAN_IO;
  for (const rule& one : rules) {
    known |= one.bit;
    if ((plugin.capabilities & one.bit) != 0 && plugin.kind != one.only_kind)
      refuse("declares {}, which a {} cannot have: only a {} can", one.name, kind_name(plugin.kind),
             kind_name(one.only_kind));
  }
  if ((plugin.capabilities & ~known) != 0)
    refuse("declares unknown capabilities {:#x}", plugin.capabilities & ~known);
  if ((plugin.capabilities & SLUICE_CAN_IO) != 0 && plugin.kind == SLUICE_GUARD)
    refuse(
        "declares CAN_IO, which a guard cannot have: it runs in the lane of its sink, which waits "
        "for the sink's I/O");
  if ((plugin.capabilities & SLUICE_CAN_IO) != 0 &&
      (plugin.poll == nullptr || plugin.wake == nullptr))
    refuse("declares CAN_IO, but its {} is null", plugin.poll == nullptr ? "poll" : "wake");
  if ((plugin.capabilities & SLUICE_CAN_IO) == 0 && plugin.poll != nullptr)
    refuse("has poll, but does not declare CAN_IO");
}

void check_functions(const sluice_plugin& plugin) {
  if (plugin.create == nullptr) refuse("its create is null");
  if (plugin.destroy == nullptr) refuse("its destroy is null");
  const bool processes = plugin.kind == SLUICE_TRANSFORM || plugin.kind == SLUICE_SINK;
  if (processes && plugin.process == nullptr)
    refuse("is a {}, but its process is null", kind_name(plugin.kind));
  if (!processes && plugin.process != nullptr)
    refuse("is a {}, but has a process", kind_name(plugin.kind));
  const bool acts = plugin.kind == SLUICE_SOURCE || plugin.kind == SLUICE_SERVICE;
  if (acts && plugin.start == nullptr && plugin.poll == nullptr && plugin.on_timer == nullptr)
    refuse("is a {}, but its start, poll and on_timer are null: it would never run",
           kind_name(plugin.kind));
  if (plugin.ready != nullptr && plugin.kind != SLUICE_SINK)
    refuse("is a {}, but has a ready, which only a sink has", kind_name(plugin.kind));
}

void check_emits(const sluice_plugin& plugin) {
  if (plugin.emit_count == 0) return;
  const bool may = plugin.kind == SLUICE_SOURCE ||
                   (plugin.kind == SLUICE_TRANSFORM && (plugin.capabilities & SLUICE_CAN_EMIT));
  if (!may) refuse("emits schemas, but is neither a source nor a transform with CAN_EMIT");
  for (std::uint32_t i = 0; i < plugin.emit_count; ++i)
    if (!is_schema(view(plugin.emits[i])))
      refuse("emits '{}', a schema reads \"name/version\", as kite.tick/1",
             view(plugin.emits[i]).substr(0, 64));
}

void check_guard(const sluice_plugin& plugin) {
  const auto* table = static_cast<const sluice_guard*>(
      plugin.extension == nullptr ? nullptr : plugin.extension(borrow(SLUICE_EXT_GUARD)));
  if (table == nullptr) refuse("is a guard, but has no {}", SLUICE_EXT_GUARD);
  if (table->size < guard_min)
    refuse("too small a struct: its sluice_guard has {} bytes, {} has {}", table->size,
           SLUICE_EXT_GUARD, guard_min);
  if (table->permit == nullptr || table->result == nullptr || table->closed == nullptr)
    refuse("is a guard, but its permit, result or closed is null");
}

void check_swap(const sluice_plugin& plugin) {
  if (plugin.extension == nullptr) return;
  const auto* table = static_cast<const sluice_swap*>(plugin.extension(borrow(SLUICE_EXT_SWAP)));
  if (table != nullptr && table->size < swap_min)
    refuse("too small a struct: its sluice_swap has {} bytes, {} has {}", table->size,
           SLUICE_EXT_SWAP, swap_min);
}

void check_codecs(const sluice_plugin& plugin) {
  if (plugin.extension == nullptr) return;
  const auto* list =
      static_cast<const sluice_codec_list*>(plugin.extension(borrow(SLUICE_EXT_CODEC)));
  if (list == nullptr) return;
  if (list->size < codec_list_min)
    refuse("too small a struct: its sluice_codec_list has {} bytes, {} has {}", list->size,
           SLUICE_EXT_CODEC, codec_list_min);
  if (list->count > emits_max || (list->count != 0 && list->codecs == nullptr))
    refuse("its list of codecs is not usable");
  for (std::uint32_t i = 0; i < list->count; ++i) {
    const sluice_codec* codec = list->codecs[i];
    if (codec == nullptr || codec->size < codec_min || !is_schema(view(codec->schema)) ||
        codec->write_json == nullptr || codec->read_field == nullptr)
      refuse("its codec {} is incomplete: it needs a schema, write_json and read_field", i);
  }
}

}  // namespace

void check_descriptor(const sluice_plugin& plugin, std::uint64_t symbol_size) {
  // Magic, version and size stand in the first 16 bytes; nothing behind them is read before.
  if (symbol_size != 0 && symbol_size < offsetof(sluice_plugin, kind))
    refuse("too small a struct: its {} has {} bytes", SLUICE_ENTRY_SYMBOL, symbol_size);
  check_version(plugin);
  check_sizes(plugin, symbol_size);
  check_names(plugin);
  check_capabilities(plugin);
  check_functions(plugin);
  check_emits(plugin);
  if (const auto problems = config::row_problems(plugin); !problems.empty())
    refuse("its rows: {}", config::joined(problems, "; "));
  if (plugin.kind == SLUICE_GUARD) check_guard(plugin);
  check_swap(plugin);
  check_codecs(plugin);
}

}  // namespace sluice::plugin
