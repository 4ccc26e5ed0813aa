#include <gtest/gtest.h>

#include "adapters/net/peers.h"

namespace regent {
namespace {

TEST(PeersOptions, OwnSectionWinsOverRestapi) {
  RestConfig rest;
  rest.username = "r";
  rest.password = "rp";
  rest.certfile = "rest.crt";
  rest.keyfile = "rest.key";
  rest.cafile = "rest.ca";
  CtlConfig ctl;
  auto options = peers_options(ctl, rest);
  EXPECT_EQ(options.username, "r");
  EXPECT_EQ(options.tls.cert_file, "rest.crt");
  EXPECT_FALSE(options.tls.verify);

  ctl.username = "c";
  ctl.password = "cp";
  ctl.certfile = "ctl.crt";
  ctl.cacert = "ctl.ca";
  options = peers_options(ctl, rest);
  EXPECT_EQ(options.username + options.password, "ccp");
  EXPECT_EQ(options.tls.cert_file, "ctl.crt");
  EXPECT_EQ(options.tls.key_file, "");
  EXPECT_EQ(options.tls.ca_file, "ctl.ca");
  EXPECT_TRUE(options.tls.verify);
  ctl.insecure = true;
  EXPECT_FALSE(peers_options(ctl, rest).tls.verify);
}

}  // namespace
}  // namespace regent
