#include "adapters/postgres/layout.h"

#include "adapters/postgres/quoting.h"
#include "model/config_value.h"

namespace regent {

Layout make_layout(const PostgresConfig& config) {
  Layout layout;
  layout.data_dir = config.data_dir;
  while (layout.data_dir.size() > 1 && layout.data_dir.ends_with('/')) layout.data_dir.pop_back();
  layout.config_dir = config.config_dir.empty() ? layout.data_dir : config.config_dir;
  while (layout.config_dir.size() > 1 && layout.config_dir.ends_with('/')) layout.config_dir.pop_back();
  layout.base_name = config.config_base_name;
  if (const auto* custom = value_of(config.section, "postgresql.custom_conf"))
    layout.custom_conf = setting_text(*custom);
  return layout;
}

std::string program(const PostgresConfig& config, const std::string& name) {
  const auto renamed = config.bin_name.find(name);
  const auto& file = renamed == config.bin_name.end() ? name : renamed->second;
  return config.bin_dir.empty() ? file : config.bin_dir + "/" + file;
}

std::string server_name(const PostgresConfig& config) {
  const auto path = program(config, "postgres");
  return path.substr(path.rfind('/') + 1);
}

const Json& dynamic_section(const Json& dynamic) {
  static const Json nothing = Json::object();
  const auto* section = value_of(dynamic, "postgresql");
  return section != nullptr && section->is_object() ? *section : nothing;
}

const Json* section_option(const PostgresConfig& config, const Json& dynamic, ConfigName key) {
  if (const auto* local = value_of(config.section, key)) return local;
  return value_of(dynamic_section(dynamic), key);
}

const Json* method_section(const PostgresConfig& config, const Json& dynamic, const std::string& method) {
  if (const auto* local = find(config.section, method)) return local;
  return find(dynamic_section(dynamic), method);
}

std::string section_text(const PostgresConfig& config, const Json& dynamic, ConfigName key) {
  const auto* value = section_option(config, dynamic, key);
  return value == nullptr ? std::string() : setting_text(*value);
}

}  // namespace regent
