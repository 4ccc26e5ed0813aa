// How we meet a TLS server. Files are read when a connection is made: rotated certificates need no restart (F39).
#pragma once

#include <string>

namespace regent {

struct TlsOptions {
  std::string ca_file;  // empty: the system's authorities
  std::string cert_file;
  std::string key_file;  // empty: in cert_file
  std::string key_password;
  bool verify = true;  // chain and name
};

}  // namespace regent
