// Where things are: paths, programs, markers, and the two sources of the `postgresql` section.
// Pure values. Threading: any; copied into work for other threads.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "model/config_table.h"
#include "model/local_config.h"

namespace regent {

struct Layout {
  std::string data_dir;
  std::string config_dir;
  std::string base_name = "postgresql";
  std::string custom_conf;  // included instead of the base file when set

  std::string data(std::string_view name) const { return data_dir + "/" + std::string(name); }
  std::string conf() const { return config_dir + "/" + base_name + ".conf"; }
  std::string base_conf() const { return config_dir + "/" + base_name + ".base.conf"; }
  std::string hba() const { return config_dir + "/pg_hba.conf"; }
  std::string ident() const { return config_dir + "/pg_ident.conf"; }
  std::string auto_conf() const { return data("postgresql.auto.conf"); }
  std::string dynamic_json() const { return data("patroni.dynamic.json"); }
  std::string standby_signal() const { return data("standby.signal"); }

  // In a directory that followed another server since it was last a primary: its logical slots are copies (I16).
  std::string followed_marker() const { return data("regent.followed"); }
  // Says which files of an archive a replica may take (F61); absent: all.
  std::string restore_script() const { return data("regent.restore"); }
  // Whose leader lock this directory had (F74).
  std::string lock_record() const { return data("regent.session"); }
  // The name of the member that was last a primary with the directory. It goes with every copy of it (F71).
  std::string led_marker() const { return data("regent.led"); }
  // In a copy that was not seen to have caught up with a leader since (I5).
  std::string copied_marker() const { return data("regent.copied"); }
  // Which postmaster was asked to be promoted, and may not have got there yet (I3).
  std::string promoting_marker() const { return data("regent.promoting"); }
  // In a directory whose clone, bootstrap or removal did not finish (F72). A program that fills the directory wants it
  // empty: the marker is put there as soon as the first entry appears; what makes the directory startable comes last.
  std::string incomplete_marker() const { return data("regent.incomplete"); }
  // Where what a bootstrap left is put, and why it failed.
  std::string put_aside() const { return data_dir + ".failed"; }
  std::string bootstrap_failure() const { return put_aside() + "/regent.bootstrap-failure"; }
  // In a directory whose rewind did not finish (F69). A FIFO: pg_rewind removes every file, directory and link that its
  // source lacks, and looks at nothing else.
  std::string rewind_marker() const { return data("regent.rewind"); }
};

Layout make_layout(const PostgresConfig& config);

// Path of a program of PostgreSQL, as configured by bin_dir and bin_name.
std::string program(const PostgresConfig& config, const std::string& name);
// What the server's executable is called.
std::string server_name(const PostgresConfig& config);

// A key of the `postgresql` section: the local file wins over the dynamic configuration. nullptr when neither has it.
const Json* section_option(const PostgresConfig& config, const Json& dynamic, ConfigName key);
// Likewise the section of a custom replica method.
const Json* method_section(const PostgresConfig& config, const Json& dynamic, const std::string& method);
// The dynamic configuration's own `postgresql` section; an empty object when there is none.
const Json& dynamic_section(const Json& dynamic);
std::string section_text(const PostgresConfig& config, const Json& dynamic, ConfigName key);

}  // namespace regent
