#include "cli/job_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

#include "base/file.h"
#include "base/status_macros.h"
#include "cli/quantity.h"

namespace tessera::cli {
namespace {

constexpr size_t kJobFileBytesMax = 64 << 10;
// A key farther than this from every known one is no slip of the finger.
constexpr size_t kSuggestionDistanceMax = 4;

constexpr std::pair<std::string_view, AggregationRule> kRules[] = {
    {"mean", AggregationRule::kMean},
    {"trimmed_mean", AggregationRule::kTrimmedMean},
    {"nearest_neighbour_mixing", AggregationRule::kNearestNeighbourMixing}};

// Parses the text of one value into the specification.
using Setter = std::function<absl::Status(const std::string& text, JobSpec& spec)>;

Setter Number(uint32_t JobSpec::*field) {
  return [field](const std::string& text, JobSpec& spec) -> absl::Status {
    ASSIGN_OR_RETURN(const uint64_t value, ParseUnsigned(text));
    if (value > std::numeric_limits<uint32_t>::max()) {
      return absl::InvalidArgumentError(text + " is too large");
    }
    spec.*field = static_cast<uint32_t>(value);
    return absl::OkStatus();
  };
}

Setter Real(float JobSpec::*field) {
  return [field](const std::string& text, JobSpec& spec) -> absl::Status {
    float value = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error != std::errc() || end != last) {
      return absl::InvalidArgumentError("'" + text + "' is not a number");
    }
    spec.*field = value;
    return absl::OkStatus();
  };
}

Setter Tokens(Wei JobSpec::*field) {
  return [field](const std::string& text, JobSpec& spec) -> absl::Status {
    ASSIGN_OR_RETURN(spec.*field, Wei::ParseTokens(text));
    return absl::OkStatus();
  };
}

Setter Duration(uint32_t JobSpec::*field) {
  return [field](const std::string& text, JobSpec& spec) -> absl::Status {
    ASSIGN_OR_RETURN(const uint64_t value_ms, ParseDurationMs(text));
    // Above the range of the field, ValidateJobSpec says which range that is.
    spec.*field =
        static_cast<uint32_t>(std::min<uint64_t>(value_ms, std::numeric_limits<uint32_t>::max()));
    return absl::OkStatus();
  };
}

absl::Status SetRule(const std::string& text, JobSpec& spec) {
  for (const auto& [name, rule] : kRules) {
    if (name == text) {
      spec.rule = rule;
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError("'" + text +
                                    "' is no rule; mean, trimmed_mean and "
                                    "nearest_neighbour_mixing are");
}

absl::Status SetFingerprint(const std::string& text, JobSpec& spec) {
  if (text == "none") {
    spec.engine_fingerprint = Digest{};
    return absl::OkStatus();
  }
  absl::StatusOr<Digest> fingerprint = Digest::FromHex(text);
  if (!fingerprint.ok()) {
    return absl::InvalidArgumentError(
        "must be none or the 32 bytes in hexadecimal that `tessera-worker self-test` prints");
  }
  spec.engine_fingerprint = *fingerprint;
  return absl::OkStatus();
}

// All keys of a job file, by section; the section "" is the top level.
using Section = std::map<std::string, Setter>;
const std::map<std::string, Section>& Sections() {
  static const auto& sections = *new std::map<std::string, Section>{
      {"",
       {{"name",
         [](const std::string& text, JobSpec& spec) {
           spec.name = text;
           return absl::OkStatus();
         }}}},
      {"model",
       {{"family",
         [](const std::string& text, JobSpec& spec) -> absl::Status {
           ASSIGN_OR_RETURN(spec.family, ParseModelFamily(text));
           return absl::OkStatus();
         }},
        {"seed",
         [](const std::string& text, JobSpec& spec) -> absl::Status {
           ASSIGN_OR_RETURN(spec.model_seed, ParseUnsigned(text));
           return absl::OkStatus();
         }}}},
      {"training",
       {{"rounds", Number(&JobSpec::rounds)},
        {"workers_min", Number(&JobSpec::workers_min)},
        {"workers_max", Number(&JobSpec::workers_max)},
        {"local_steps", Number(&JobSpec::local_steps)},
        {"segment_steps", Number(&JobSpec::segment_steps)},
        {"batch_size", Number(&JobSpec::batch_size)},
        {"inner_learning_rate", Real(&JobSpec::inner_learning_rate)},
        {"inner_momentum", Real(&JobSpec::inner_momentum)},
        {"outer_learning_rate", Real(&JobSpec::outer_learning_rate)},
        {"outer_momentum", Real(&JobSpec::outer_momentum)},
        {"update_norm_max", Real(&JobSpec::update_norm_max)}}},
      {"aggregation", {{"rule", SetRule}, {"byzantine", Number(&JobSpec::byzantine)}}},
      {"audits",
       {{"engine_fingerprint", SetFingerprint},
        {"probability",
         [](const std::string& text, JobSpec& spec) -> absl::Status {
           ASSIGN_OR_RETURN(spec.audit_ppm, ParseProbabilityPpm(text));
           return absl::OkStatus();
         }},
        {"probation_rounds", Number(&JobSpec::probation_rounds)},
        {"committee_size", Number(&JobSpec::committee_size)}}},
      {"timeouts",
       {{"training", Duration(&JobSpec::training_timeout_ms)},
        {"reveal", Duration(&JobSpec::reveal_timeout_ms)},
        {"audit", Duration(&JobSpec::audit_timeout_ms)}}},
      {"rewards",
       {{"update", Tokens(&JobSpec::update_reward)}, {"audit", Tokens(&JobSpec::audit_reward)}}},
      {"stake", {{"min", Tokens(&JobSpec::stake_min)}}}};
  return sections;
}

// Levenshtein's distance.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string Nearest(const std::string& key, const std::vector<std::string>& known) {
  const auto nearest = std::ranges::min_element(
      known, {}, [&](const std::string& other) { return EditDistance(key, other); });
  if (nearest == known.end() || EditDistance(key, *nearest) > kSuggestionDistanceMax) return "";
  return "; did you mean '" + *nearest + "'?";
}

std::string Path(const std::string& section, const std::string& key) {
  return section.empty() ? key : section + "." + key;
}

absl::Status At(const YAML::Mark& mark, const std::string& message) {
  return absl::InvalidArgumentError("line " + std::to_string(mark.line + 1) + ": " + message);
}

// The entries of a section by key; refuses what is no plain text key, unknown, or there twice.
absl::StatusOr<std::map<std::string, YAML::Node>> Entries(const YAML::Node& node,
                                                          const std::string& section,
                                                          const std::vector<std::string>& known) {
  if (!node.IsMap()) {
    return At(node.Mark(), (section.empty() ? "the job file" : section) + " must hold keys");
  }
  std::map<std::string, YAML::Node> entries;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return At(entry.first.Mark(), "a key that is no text");
    const std::string key = entry.first.Scalar();
    if (std::ranges::find(known, key) == known.end()) {
      return At(entry.first.Mark(),
                "unknown key '" + Path(section, key) + "'" + Nearest(key, known));
    }
    if (!entries.emplace(key, entry.second).second) {
      return At(entry.first.Mark(), "key '" + Path(section, key) + "' stands twice");
    }
  }
  for (const std::string& key : known) {
    if (!entries.contains(key)) {
      return At(node.Mark(), "key '" + Path(section, key) + "' is missing");
    }
  }
  return entries;
}

absl::Status ReadSection(const YAML::Node& node, const std::string& section, JobSpec& spec) {
  const Section& setters = Sections().at(section);
  std::vector<std::string> known;
  for (const auto& [key, setter] : setters) known.push_back(key);
  if (section.empty()) {
    for (const auto& [name, keys] : Sections()) {
      if (!name.empty()) known.push_back(name);
    }
  }
  ASSIGN_OR_RETURN(const auto entries, Entries(node, section, known));
  for (const auto& [key, value] : entries) {
    const auto setter = setters.find(key);
    if (setter == setters.end()) {
      RETURN_IF_ERROR(ReadSection(value, key, spec));
      continue;
    }
    if (!value.IsScalar()) return At(value.Mark(), Path(section, key) + " must be one value");
    if (const absl::Status set = setter->second(value.Scalar(), spec); !set.ok()) {
      return At(value.Mark(), Path(section, key) + ": " + std::string(MessageOf(set)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view AggregationRuleName(AggregationRule rule) {
  for (const auto& [name, value] : kRules) {
    if (value == rule) return name;
  }
  return "unknown";
}

absl::StatusOr<JobSpec> ParseJobFile(std::string_view yaml) {
  JobSpec spec;
  try {
    RETURN_IF_ERROR(ReadSection(YAML::Load(std::string(yaml)), "", spec));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(std::string("not YAML: ") + error.what());
  }
  RETURN_IF_ERROR(ValidateJobSpec(spec));
  return spec;
}

absl::StatusOr<JobSpec> LoadJobFile(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kJobFileBytesMax));
  absl::StatusOr<JobSpec> spec = ParseJobFile(AsText(bytes));
  if (!spec.ok()) return Annotate(spec.status(), path.string());
  return spec;
}

}  // namespace tessera::cli
