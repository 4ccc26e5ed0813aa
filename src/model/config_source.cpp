#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/yaml.h"
#include "model/config_reading.h"
#include "model/environment.h"

namespace regent {
namespace {

constexpr std::size_t largest_file = 16U << 20U;

Error cannot_read(const std::string& path, int error) {
  return {ErrorKind::invalid, fmt::format("cannot read {}: {}", path, std::strerror(error))};
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  if (!file) return tl::unexpected(cannot_read(path, errno));
  std::string text;
  char buffer[4096];
  while (const auto count = std::fread(buffer, 1, sizeof buffer, file.get())) {
    text.append(buffer, count);
    if (text.size() > largest_file)
      return fail(ErrorKind::invalid, fmt::format("{} is too large to be a configuration file", path));
  }
  if (std::ferror(file.get()) != 0) return tl::unexpected(cannot_read(path, errno));
  return text;
}

Result<std::vector<std::string>> yaml_files(const std::string& directory) {
  const std::unique_ptr<DIR, CloseFile> handle(::opendir(directory.c_str()));
  if (!handle) return tl::unexpected(cannot_read(directory, errno));
  std::vector<std::string> files;
  while (const dirent* entry = ::readdir(handle.get())) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".yml") && !name.starts_with('.')) files.push_back(fmt::format("{}/{}", directory, name));
  }
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
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return tl::unexpected(cannot_read(path, errno));
  if (!S_ISDIR(info.st_mode)) {
    const auto text = read_file(path);
    return text ? parse_mapping(*text, path) : tl::unexpected(text.error());
  }
  const auto files = yaml_files(path);
  if (!files) return tl::unexpected(files.error());
  Json merged = Json::object();
  for (const auto& file : *files) {
    const auto text = read_file(file);
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
