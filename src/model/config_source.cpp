#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/host.h"
#include "base/yaml.h"
#include "model/config_reading.h"
#include "model/environment.h"

namespace regent {
namespace {

constexpr std::size_t largest_file = 16U << 20U;

Error cannot_read(const std::string& path, const std::error_code& error) {
  return {ErrorKind::invalid, fmt::format("cannot read {}: {}", path, error.message())};
}

Result<std::vector<std::string>> yaml_files(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.ends_with(".yml") && !name.starts_with('.')) files.push_back(entry->path().string());
  }
  if (error) return tl::unexpected(cannot_read(directory, error));
  if (files.empty())
    return fail(ErrorKind::invalid, fmt::format("{} holds no *.yml file; put the configuration there", directory));
  std::sort(files.begin(), files.end());
  return files;
}

Result<Json> parse_mapping(std::string_view text, std::string_view where) {
  auto document = parse_yaml(text, where);
  if (document && !document->is_object())
    return fail(ErrorKind::invalid, fmt::format("{} does not contain a dict; write keys such as `scope: demo`", where));
  return document;
}

Result<Json> read_path(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    const auto text = read_text_file(path, largest_file);
    return text ? parse_mapping(*text, path) : tl::unexpected(text.error());
  }
  const auto files = yaml_files(path);
  if (!files) return tl::unexpected(files.error());
  Json merged = Json::object();
  for (const auto& file : *files) {
    const auto text = read_text_file(file, largest_file);
    if (!text) return tl::unexpected(text.error());
    const auto document = parse_mapping(*text, file);
    if (!document) return document;
    merge_patch(merged, *document);  // name order, mappings merged, the last file wins (T22)
  }
  return merged;
}

}  // namespace

Result<ConfigSource> read_config_source(const std::string& path,
                                        const std::map<std::string, std::string>& environment) {
  ConfigSource source;
  if (path.empty()) {
    const auto whole = environment.find("PATRONI_CONFIGURATION");
    if (whole != environment.end() && !whole->second.empty()) {
      source.where = "PATRONI_CONFIGURATION";
      auto document = parse_mapping(whole->second, source.where);
      if (!document) return tl::unexpected(document.error());
      source.document = std::move(*document);
      return source;
    }
  }
  auto layer = read_environment(environment);
  source.warnings = std::move(layer.warnings);
  if (path.empty()) {
    if (layer.document.empty())
      return fail(
          ErrorKind::invalid,
          "there is no configuration; name a file or directory, or set PATRONI_CONFIGURATION or single PATRONI_ "
          "variables");
    source.where = "the environment";
    source.document = std::move(layer.document);
    return source;
  }
  auto document = read_path(path);
  if (!document) return tl::unexpected(document.error());
  source.where = path;
  source.document = std::move(*document);
  merge_patch(source.document, layer.document);
  return source;
}

}  // namespace regent
