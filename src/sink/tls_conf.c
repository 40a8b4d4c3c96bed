/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/tls_conf.h"

const struct config_key tls_conf_keys[] = {
    { .name = "enabled",
      .type = CONFIG_BOOL,
      .fallback = "false",
      .offset = offsetof(struct net_tls, enabled),
      .help = "Whether connections are encrypted." },
    /* TLS_CONF_HOW begins here. */
    { .name = "ca",
      .type = CONFIG_STRING,
      .offset = offsetof(struct net_tls, ca_file),
      .help = "File with the authorities to trust, in PEM; without it, the system's." },
    { .name = "cert",
      .type = CONFIG_STRING,
      .offset = offsetof(struct net_tls, cert_file),
      .help = "File with our certificate, in PEM, for servers that ask for one." },
    { .name = "key",
      .type = CONFIG_STRING,
      .offset = offsetof(struct net_tls, key_file),
      .help = "File with the private key of `cert`, without a passphrase." },
    { .name = "server_name",
      .type = CONFIG_STRING,
      .offset = offsetof(struct net_tls, server_name),
      .help = "Name that the server's certificate must hold, where it is not the host's." },
    { .name = "verify",
      .type = CONFIG_BOOL,
      .fallback = "true",
      .offset = offsetof(struct net_tls, verify),
      .help =
          "Whether the server's certificate and name are checked. `false` keeps out readers, but nobody "
          "who pretends to be the server." },
    { .name = NULL },
};
