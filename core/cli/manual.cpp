#include "cli/manual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <stdexcept>

namespace sluice::cli {
namespace {

/// Text as roff shows it unchanged: no escapes, dashes that can be copied, no line that begins with
/// a request.
std::string literal(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    line_begins = c == '\n';
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '|')
      out += "|\\:";  // a list of choices may go on in the next line
    else
      out += c;
  }
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + literal(text) + "\\fR"; }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// "FILE", or of a choice "text|json".
std::string value_of(const CLI::Option& of) {
  const std::string type = of.get_type_name();
  const std::size_t open = type.find('{'), close = type.rfind('}');
  // Of "FILE:FILE" the second is the name of a check.
  if (open == std::string::npos || close == std::string::npos)
    return type.substr(0, type.find(':'));
  std::string choices = type.substr(open + 1, close - open - 1);
  std::replace(choices.begin(), choices.end(), ',', '|');
  return choices;
}

std::string name_of(const CLI::Option& of) {
  if (of.get_positional()) return fmt::format("\\fI{}\\fR", literal(value_of(of)));
  std::string names;
  for (const std::string& one : of.get_snames()) names += bold("-" + one) + ", ";
  for (const std::string& one : of.get_lnames()) names += bold("--" + one) + ", ";
  names.resize(names.size() - 2);
  if (of.get_items_expected() > 0) names += fmt::format(" \\fI{}\\fR", literal(value_of(of)));
  return names;
}

void add_synopsis(std::string& out, const CLI::App& app, const std::string& command) {
  out += ".SH SYNOPSIS\n" + bold(command);
  if (!app.get_subcommands({}).empty()) out += " \\fIVERB\\fR";
  out += " [\\fIOPTIONS\\fR]";
  for (const CLI::Option* one : app.get_options())
    if (one->get_positional()) {
      const std::string name = name_of(*one) + (one->get_items_expected_max() > 1 ? "..." : "");
      out += one->get_required() ? " " + name : " [" + name + "]";
    }
  out += "\n";
}

void add_options(std::string& out, const CLI::App& app) {
  out += ".SH OPTIONS\n";
  for (const CLI::Option* one : app.get_options()) {
    if (one->get_group().empty()) continue;  // hidden
    out += fmt::format(".TP\n{}\n{}.\n", name_of(*one), literal(one->get_description()));
    if (!one->get_default_str().empty())
      out += fmt::format("Default: {}.\n", literal(one->get_default_str()));
  }
}

/// What help ends with: a line "Heading:", lines that begin with two spaces as they are, prose.
void add_footer(std::string& out, const std::string& footer) {
  std::istringstream lines{footer};
  bool as_is = false;
  for (std::string line; std::getline(lines, line);) {
    const bool indented = line.starts_with("  ");
    if (as_is != indented) out += indented ? ".PP\n.nf\n" : ".fi\n.PP\n";
    as_is = indented;
    if (line.empty()) continue;
    if (!indented && line.ends_with(':'))
      out += ".SH " + upper(line.substr(0, line.size() - 1)) + "\n";
    else
      out += literal(line) + "\n";
  }
  if (as_is) out += ".fi\n";
}

void add_verbs(std::string& out, const CLI::App& app) {
  out += ".SH VERBS\n";
  for (const CLI::App* one : app.get_subcommands({}))
    out += fmt::format(".TP\n\\fBsluice\\-{}\\fR(1)\n{}.\n", literal(one->get_name()),
                       literal(one->get_description()));
}

std::string page(const std::string& name, const std::string& summary, std::string_view version) {
  return fmt::format(".TH {} 1 \"\" \"sluice {}\" \"Sluice\"\n.SH NAME\n{} \\- {}\n",
                     literal(upper(name)), version, literal(name), literal(summary));
}

}  // namespace

std::string manual(const CLI::App& app, std::string_view verb, std::string_view version) {
  if (verb.empty()) {
    std::string out = page("sluice", "run pipelines of plugins", version);
    add_synopsis(out, app, "sluice");
    out += ".SH DESCRIPTION\n" + literal(app.get_description()) + "\n";
    add_verbs(out, app);
    add_options(out, app);
    add_footer(out, app.get_footer());
    return out;
  }
  for (const CLI::App* one : app.get_subcommands({})) {
    if (one->get_name() != verb) continue;
    std::string out = page(fmt::format("sluice-{}", verb), one->get_description(), version);
    add_synopsis(out, *one, fmt::format("sluice {}", verb));
    add_options(out, *one);
    add_footer(out, one->get_footer());
    return out + ".SH SEE ALSO\n\\fBsluice\\fR(1)\n";
  }
  throw std::runtime_error{fmt::format("there is no verb \"{}\" to write a page of", verb)};
}

}  // namespace sluice::cli
