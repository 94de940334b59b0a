#include "cli/completion.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <vector>

namespace sluice::cli {
namespace {

struct option {
  std::string name;  ///< --format
  std::string help;
  std::vector<std::string> choices;
  bool takes_value = false;
};

struct completed_verb {
  std::string name, help;
  std::vector<option> options;
  std::vector<std::string> words;  ///< a positional's choices
  bool takes_files = false;
};

/// CLI11 keeps the members of IsMember in the type's name: "TEXT:{text,json}".
std::vector<std::string> choices_of(const CLI::Option& of) {
  const std::string type = of.get_type_name();
  const std::size_t open = type.find('{'), close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

completed_verb verb_of(const CLI::App& app) {
  completed_verb made{app.get_name(), app.get_description(), {}, {}, false};
  for (const CLI::Option* one : app.get_options()) {
    if (one->get_positional()) {
      made.words = choices_of(*one);
      const std::string type = one->get_type_name();
      made.takes_files = type == "FILE" || type == "PATH" || type == "PLUGIN";
      continue;
    }
    if (one->get_group().empty()) continue;  // hidden
    for (const std::string& name : one->get_lnames())
      made.options.push_back(
          {"--" + name, one->get_description(), choices_of(*one), one->get_items_expected() > 0});
  }
  return made;
}

std::vector<completed_verb> verbs_of(const CLI::App& app) {
  std::vector<completed_verb> all;
  for (const CLI::App* one : app.get_subcommands({})) all.push_back(verb_of(*one));
  return all;
}

std::string joined(const std::vector<std::string>& all) {
  return fmt::format("{}", fmt::join(all, " "));
}

std::string names(const std::vector<completed_verb>& verbs) {
  std::string text;
  for (const completed_verb& one : verbs) text += (text.empty() ? "" : " ") + one.name;
  return text;
}

std::string option_names(const completed_verb& of) {
  std::string text;
  for (const option& one : of.options) text += (text.empty() ? "" : " ") + one.name;
  return text;
}

std::string bash(const std::vector<completed_verb>& verbs) {
  std::string out =
      "# bash completion for sluice\n"
      "_sluice() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local verb=${COMP_WORDS[1]}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W \"" +
      names(verbs) +
      " --help --version\" -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"$verb $before\" in\n";
  for (const completed_verb& each : verbs)
    for (const option& one : each.options)
      if (!one.choices.empty())
        out +=
            fmt::format("    \"{} {}\") COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n",
                        each.name, one.name, joined(one.choices));
      else if (one.takes_value)
        out += fmt::format("    \"{} {}\") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n",
                           each.name, one.name);
  out += "  esac\n  case $verb in\n";
  for (const completed_verb& each : verbs) {
    std::string words = option_names(each);
    if (!each.words.empty()) words += " " + joined(each.words);
    out += fmt::format("    {}) COMPREPLY=($(compgen {}-W \"{}\" -- \"$word\")) ;;\n", each.name,
                       each.takes_files ? "-f " : "", words);
  }
  return out + "  esac\n}\ncomplete -o filenames -F _sluice sluice\n";
}

/// For single quotes in a shell, without what zsh gives a meaning in a specification.
std::string plain(std::string text) {
  std::erase_if(text, [](char c) { return c == '\'' || c == '[' || c == ']' || c == ':'; });
  return text;
}

std::string zsh(const std::vector<completed_verb>& verbs) {
  std::string out =
      "#compdef sluice\n"
      "_sluice() {\n"
      "  local -a verbs=(\n";
  for (const completed_verb& each : verbs)
    out += fmt::format("    '{}:{}'\n", each.name, plain(each.help));
  out +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe 'verb' verbs\n"
      "    return\n"
      "  fi\n"
      "  local verb=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $verb in\n";
  for (const completed_verb& each : verbs) {
    out += fmt::format("    {})\n      _arguments", each.name);
    for (const option& one : each.options) {
      out += fmt::format(" \\\n        '{}[{}]", one.name, plain(one.help));
      if (!one.choices.empty())
        out += fmt::format(":value:({})", joined(one.choices));
      else if (one.takes_value)
        out += ":value:_files";
      out += "'";
    }
    if (each.takes_files) out += " \\\n        '*:file:_files'";
    if (!each.words.empty()) out += fmt::format(" \\\n        '1:word:({})'", joined(each.words));
    out += "\n      ;;\n";
  }
  return out + "  esac\n}\n_sluice \"$@\"\n";
}

std::string fish(const std::vector<completed_verb>& verbs) {
  std::string out = "# fish completion for sluice\ncomplete -c sluice -f\n";
  for (const completed_verb& each : verbs) {
    out += fmt::format("complete -c sluice -n __fish_use_subcommand -a {} -d '{}'\n", each.name,
                       plain(each.help));
    const std::string here =
        fmt::format("complete -c sluice -n '__fish_seen_subcommand_from {}'", each.name);
    for (const option& one : each.options) {
      out += fmt::format("{} -l {} -d '{}'", here, one.name.substr(2), plain(one.help));
      if (!one.choices.empty())
        out += fmt::format(" -x -a '{}'", joined(one.choices));
      else if (one.takes_value)
        out += " -r -F";
      out += "\n";
    }
    if (each.takes_files) out += here + " -F\n";
    if (!each.words.empty()) out += fmt::format("{} -a '{}'\n", here, joined(each.words));
  }
  return out;
}

}  // namespace

std::string completion(const CLI::App& app, std::string_view shell) {
  const std::vector<completed_verb> verbs = verbs_of(app);
  if (shell == "bash") return bash(verbs);
  if (shell == "zsh") return zsh(verbs);
  if (shell == "fish") return fish(verbs);
  throw std::runtime_error{fmt::format("no completion for '{}'", shell)};
}

}  // namespace sluice::cli
