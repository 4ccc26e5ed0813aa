// Every key of the configuration, declared once: the file, the environment and the dynamic configuration (compat §1.10,
// §1.11, §1.13). Reading, environment variables, warnings, --validate-config and docs/settings.md derive from it. A key
// that is read has a row, or it does not compile (ConfigName); a row that nobody reads fails a unit test.
// Pure. Threading: any.
#pragma once

#include <span>

#include "model/config_row.h"

namespace regent {

namespace config_table {

// In the order of docs/settings.md.
inline constexpr ConfigRow rows[] = {
    // ------------------------------------------------------------------------------------------------ the node
    text("scope", "name of the cluster, the same on every node").env("SCOPE"),
    text("name", "name of this node, which no other node of the cluster has").env("NAME").or_what("the host name"),
    text("namespace", "the path in the store below which the cluster's keys are").env("NAMESPACE").or_else("service"),
    text("compat", "the generation of Patroni whose words are used towards peers and clients: 2.1, 3 or 4")
        .env("COMPAT")
        .or_else("4")
        .regent(),
    integer("thread_pool_size", "threads that ask the members")
        .env("THREAD_POOL_SIZE")
        .from(1)
        .idle_because("nothing here waits on a thread of a pool"),
    integer("thread_stack_size", "memory of a thread's stack, bytes")
        .env("THREAD_STACK_SIZE")
        .from(65536)
        .idle_because("threads take what they need"),
    text("site", "where the node stands").idle_because("clusters on several sites are not supported"),
    // ------------------------------------------------------------------------------------------------ log
    section("log", "where and how the log is written"),
    text("log.type", "form of a line").env("LOG_TYPE").or_else("plain").among("plain json"),
    text("log.level", "what is written: DEBUG, INFO, WARNING, ERROR or CRITICAL and what is worse")
        .env("LOGLEVEL LOG_LEVEL")
        .or_else("INFO"),
    text("log.traceback_level", "from which level on a traceback is written")
        .env("LOG_TRACEBACK_LEVEL")
        .idle_because("errors are sentences"),
    any("log.format", "the parts of a line as Python's logging has them, with type json also a list")
        .env("LOGFORMAT LOG_FORMAT")
        .or_what("time, level, message"),
    text("log.dateformat", "how times are written, as strftime has it")
        .env("LOG_DATEFMT LOG_DATEFORMAT")
        .or_what("with milliseconds"),
    mapping("log.static_fields", "fields added to each line of type json").env("LOG_STATIC_FIELDS"),
    integer("log.max_queue_size", "lines that may wait for a slow disk; more are dropped and counted")
        .env("LOG_MAX_QUEUE_SIZE")
        .or_else("1000", 1000)
        .from(1)
        .to(1e6),
    text("log.dir", "directory of the log file; without it the log goes to the standard error stream").env("LOG_DIR"),
    integer("log.mode", "permissions of the log file, octal").env("LOG_MODE").or_what("by the umask").from(0).to(0777),
    integer("log.file_num", "older log files that are kept").env("LOG_FILE_NUM").or_else("4", 4).from(0).to(1000),
    integer("log.file_size", "bytes after which a new log file is begun")
        .env("LOG_FILE_SIZE")
        .or_else("25000000", 25'000'000)
        .from(1),
    mapping("log.loggers", "levels of single modules")
        .env("LOG_LOGGERS")
        .idle_because("there is one logger, and log.level is its level"),
    flag("log.deduplicate_heartbeat_logs", "tell a sentence that repeats itself once")
        .env("LOG_DEDUPLICATE_HEARTBEAT_LOGS")
        .idle_because("a sentence that repeats itself is told once per loop_wait"),
    // ------------------------------------------------------------------------------------------------ REST API
    section("restapi", "the REST API, for load balancers, peers and people"),
    text("restapi.listen", "host:port it listens on").env("RESTAPI_LISTEN").or_port(8008),
    text("restapi.connect_address", "host:port where other members reach it")
        .env("RESTAPI_CONNECT_ADDRESS")
        .or_what("that of listen"),
    section("restapi.authentication", "who may change something"),
    text("restapi.auth", "user:password, an older form of authentication"),
    text("restapi.authentication.username", "user name for requests that change something").env("RESTAPI_USERNAME"),
    text("restapi.authentication.password", "its password").env("RESTAPI_PASSWORD"),
    text("restapi.certfile", "certificate, PEM; with it the API speaks TLS").env("RESTAPI_CERTFILE"),
    text("restapi.keyfile", "its key").env("RESTAPI_KEYFILE").or_what("in certfile"),
    text("restapi.keyfile_password", "password of the key").env("RESTAPI_KEYFILE_PASSWORD"),
    text("restapi.cafile", "whose certificates are believed").env("RESTAPI_CAFILE"),
    text("restapi.ciphers", "ciphers as OpenSSL writes them").env("RESTAPI_CIPHERS").or_what("those of OpenSSL"),
    text("restapi.verify_client", "whether clients need a certificate: not, to change something, always")
        .env("RESTAPI_VERIFY_CLIENT")
        .or_else("none")
        .among("none optional required"),
    list("restapi.allowlist", "addresses, networks and names that may change something")
        .env("RESTAPI_ALLOWLIST")
        .or_what("everybody"),
    flag("restapi.allowlist_include_members", "the members of the cluster may, too")
        .env("RESTAPI_ALLOWLIST_INCLUDE_MEMBERS"),
    mapping("restapi.http_extra_headers", "headers of each answer").env("RESTAPI_HTTP_EXTRA_HEADERS"),
    mapping("restapi.https_extra_headers", "headers of each answer under TLS").env("RESTAPI_HTTPS_EXTRA_HEADERS"),
    integer("restapi.request_queue_size", "connections that wait to be accepted")
        .env("RESTAPI_REQUEST_QUEUE_SIZE")
        .from(0)
        .to(4096)
        .idle_because("1024 connections are kept waiting"),
    text("restapi.server_tokens", "what the header Server tells")
        .env("RESTAPI_SERVER_TOKENS")
        .among("original minimal productonly")
        .idle_because("no version is told"),
    integer("restapi.thread_pool_size", "threads that serve requests")
        .env("RESTAPI_THREAD_POOL_SIZE")
        .from(1)
        .idle_because("one thread serves all requests"),
    // ------------------------------------------------------------------------------------------------ tool
    section("ctl", "how the tool, and members among themselves, reach the REST APIs"),
    section("ctl.authentication", "the user of the REST APIs").or_what("restapi.authentication"),
    text("ctl.authentication.username", "user name").env("CTL_USERNAME"),
    text("ctl.authentication.password", "password").env("CTL_PASSWORD"),
    flag("ctl.insecure", "certificates of members are not checked").env("CTL_INSECURE"),
    text("ctl.cacert", "whose certificates are believed").env("CTL_CACERT"),
    text("ctl.certfile", "certificate shown to members").env("CTL_CERTFILE"),
    text("ctl.keyfile", "its key").env("CTL_KEYFILE"),
    text("ctl.keyfile_password", "password of the key").env("CTL_KEYFILE_PASSWORD"),
    // ------------------------------------------------------------------------------------------------ bootstrap
    open("bootstrap", "how a new cluster is made; a custom method has a section of its own name here"),
    section("bootstrap.dcs", "the dynamic configuration of a new cluster"),
    text("bootstrap.method", "initdb, or the name of a custom method").or_else("initdb"),
    any("bootstrap.initdb", "options of initdb, a list or a mapping"),
    list("bootstrap.pg_hba", "lines of pg_hba.conf, where postgresql.pg_hba has none"),
    text("bootstrap.post_bootstrap", "a program that is called once the cluster is there").was("post_init"),
    mapping("bootstrap.users", "roles to create, as Patroni did before 4.0"),
    // ------------------------------------------------------------------------------------------------ PostgreSQL
    open("postgresql", "the server of this node; a custom replica method has a section of its own name here").both(),
    text("postgresql.listen", "host:port it listens on, several hosts with commas")
        .env("POSTGRESQL_LISTEN")
        .or_port(5432),
    text("postgresql.connect_address", "host:port where other nodes and clients reach it")
        .env("POSTGRESQL_CONNECT_ADDRESS")
        .or_what("that of listen"),
    text("postgresql.proxy_address", "host:port of a pooler in front of it, published for clients")
        .env("POSTGRESQL_PROXY_ADDRESS"),
    text("postgresql.data_dir", "the data directory").env("POSTGRESQL_DATA_DIR"),
    text("postgresql.config_dir", "where its configuration files are")
        .env("POSTGRESQL_CONFIG_DIR")
        .or_what("the data directory"),
    text("postgresql.config_base_name", "name of its main configuration file, without .conf").or_else("postgresql"),
    text("postgresql.bin_dir", "where PostgreSQL's programs are").env("POSTGRESQL_BIN_DIR").or_what("PATH"),
    section("postgresql.bin_name", "names of PostgreSQL's programs, where they have others"),
    text("postgresql.bin_name.pg_ctl", "pg_ctl").env("POSTGRESQL_BIN_PG_CTL"),
    text("postgresql.bin_name.initdb", "initdb").env("POSTGRESQL_BIN_INITDB"),
    text("postgresql.bin_name.pg_controldata", "pg_controldata").env("POSTGRESQL_BIN_PG_CONTROLDATA"),
    text("postgresql.bin_name.pg_basebackup", "pg_basebackup").env("POSTGRESQL_BIN_PG_BASEBACKUP"),
    text("postgresql.bin_name.postgres", "postgres").env("POSTGRESQL_BIN_POSTGRES"),
    text("postgresql.bin_name.pg_isready", "pg_isready").env("POSTGRESQL_BIN_IS_READY POSTGRESQL_BIN_PG_ISREADY"),
    text("postgresql.bin_name.pg_rewind", "pg_rewind").env("POSTGRESQL_BIN_PG_REWIND"),
    text("postgresql.pgpass", "the password file that is written for replication")
        .env("POSTGRESQL_PGPASS")
        .or_what("~/pgpass"),
    section("postgresql.authentication", "the roles that are used, and created in a new cluster"),
    section("postgresql.authentication.superuser", "the role that watches and steers the server"),
    section("postgresql.authentication.replication", "the role of replication connections"),
    section("postgresql.authentication.rewind", "the role of pg_rewind").or_what("superuser"),
    text("postgresql.authentication.*.username", "name of the role").env("*_USERNAME"),
    text("postgresql.authentication.*.password", "its password").env("*_PASSWORD"),
    text("postgresql.authentication.*.sslmode", "as libpq knows it").env("*_SSLMODE"),
    text("postgresql.authentication.*.sslcert", "as libpq knows it").env("*_SSLCERT"),
    text("postgresql.authentication.*.sslkey", "as libpq knows it").env("*_SSLKEY"),
    text("postgresql.authentication.*.sslpassword", "as libpq knows it").env("*_SSLPASSWORD"),
    text("postgresql.authentication.*.sslrootcert", "as libpq knows it").env("*_SSLROOTCERT"),
    text("postgresql.authentication.*.sslcrl", "as libpq knows it").env("*_SSLCRL"),
    text("postgresql.authentication.*.sslcrldir", "as libpq knows it").env("*_SSLCRLDIR"),
    text("postgresql.authentication.*.gssencmode", "as libpq knows it").env("*_GSSENCMODE"),
    text("postgresql.authentication.*.channel_binding", "as libpq knows it").env("*_CHANNEL_BINDING"),
    text("postgresql.authentication.*.sslnegotiation", "as libpq knows it").env("*_SSLNEGOTIATION"),
    mapping("postgresql.parameters", "PostgreSQL's parameters").both(),
    list("postgresql.pg_hba", "lines of pg_hba.conf").both(),
    list("postgresql.pg_ident", "lines of pg_ident.conf").both(),
    text("postgresql.custom_conf", "a file of PostgreSQL's that is included instead of postgresql.base.conf"),
    mapping("postgresql.recovery_conf", "parameters of a server in recovery: restore_command, ...").both(),
    section("postgresql.callbacks", "programs that are told of what happened").both(),
    text("postgresql.callbacks.on_start", "after a start").both(),
    text("postgresql.callbacks.on_stop", "after a stop").both(),
    text("postgresql.callbacks.on_restart", "after a restart").both(),
    text("postgresql.callbacks.on_reload", "after a reload").both(),
    text("postgresql.callbacks.on_role_change", "after a change of the role").both(),
    list("postgresql.create_replica_methods", "how a replica is copied, in this order")
        .both()
        .was("create_replica_method")
        .or_else("basebackup"),
    any("postgresql.basebackup", "options of pg_basebackup, a list or a mapping").both(),
    flag("postgresql.use_unix_socket", "reach the own server through its socket directory"),
    flag("postgresql.use_unix_socket_repl", "likewise for replication connections to the own server"),
    text("postgresql.krbsrvname", "Kerberos service name of the servers").or_what("as libpq"),
    seconds("postgresql.pg_ctl_timeout", "how long pg_ctl waits").both().idle_because("pg_ctl is not used"),
    flag("postgresql.use_pg_rewind", "an old leader comes back by pg_rewind").both(),
    flag("postgresql.use_slots", "replicas have replication slots").dynamic().or_else("true", 1),
    any("postgresql.rewind", "options of pg_rewind, a list or a mapping")
        .both()
        .idle_because("pg_rewind is called with what the situation needs"),
    flag("postgresql.remove_data_directory_on_rewind_failure", "a copy takes the place of data that cannot be rewound")
        .both(),
    flag("postgresql.remove_data_directory_on_diverged_timelines",
         "a copy takes the place of data of another branch, without pg_rewind")
        .both(),
    text("postgresql.pre_promote", "a program that may refuse a promotion").both(),
    text("postgresql.before_stop", "a program that runs before the server is stopped").both(),
    mapping("postgresql.parameters_primary", "parameters of a primary")
        .both()
        .idle_because("parameters are the same in every role"),
    mapping("postgresql.parameters_replica", "parameters of a replica")
        .both()
        .idle_because("parameters are the same in every role"),
    mapping("postgresql.parameters_standby_leader", "parameters of a standby leader")
        .both()
        .idle_because("parameters are the same in every role"),
    list("postgresql.pg_hba_primary", "pg_hba of a primary").both().idle_because("pg_hba is the same in every role"),
    list("postgresql.pg_hba_replica", "pg_hba of a replica").both().idle_because("pg_hba is the same in every role"),
    list("postgresql.pg_hba_standby_leader", "pg_hba of a standby leader")
        .both()
        .idle_because("pg_hba is the same in every role"),
    list("postgresql.pg_ident_primary", "pg_ident of a primary")
        .both()
        .idle_because("pg_ident is the same in every role"),
    list("postgresql.pg_ident_replica", "pg_ident of a replica")
        .both()
        .idle_because("pg_ident is the same in every role"),
    list("postgresql.pg_ident_standby_leader", "pg_ident of a standby leader")
        .both()
        .idle_because("pg_ident is the same in every role"),
    // ------------------------------------------------------------------------------------------------ fences
    section("watchdog", "a device that resets the machine when nobody renews the lease"),
    text("watchdog.mode", "not used, used where it works, or no leader without it")
        .or_else("automatic")
        .among("off automatic required"),
    text("watchdog.device", "the device").or_else("/dev/watchdog"),
    text("watchdog.driver", "the driver's name").or_else("default"),
    integer("watchdog.safety_margin", "seconds before the lease ends at which it fires; -1: half of the ttl")
        .or_else("5", 5)
        .from(-1),
    section("guard", "a process of ours that ends the server when the agent cannot").regent(),
    text("guard.mode", "not used, used where it works, or no leader without it")
        .or_else("automatic")
        .among("off automatic required")
        .regent(),
    // ------------------------------------------------------------------------------------------------ tags
    open("tags", "what this member may be; other tags are published as they are"),
    flag("tags.nofailover", "never the leader"),
    flag("tags.noloadbalance", "no reads through /replica"),
    flag("tags.nosync", "never a synchronous standby"),
    flag("tags.clonefrom", "replicas are copied from here first"),
    flag("tags.nostream", "no streaming, the archive only"),
    integer("tags.failover_priority", "which of equals leads, the higher; 0: never").or_else("1", 1),
    integer("tags.sync_priority", "which of equals is synchronous, the higher; 0: never").or_else("1", 1),
    text("tags.replicatefrom", "the member it streams from, instead of the leader"),
    // ------------------------------------------------------------------------------------------------ dynamic
    seconds("ttl", "how long a leader may not renew before another one takes over")
        .dynamic()
        .or_else("30", 30)
        .from(20)
        .alone(3),
    seconds("loop_wait", "how often each member looks, where nothing wakes it")
        .dynamic()
        .or_else("10", 10)
        .from(1)
        .alone(0.2),
    seconds("retry_timeout", "how long the store and PostgreSQL may not answer")
        .dynamic()
        .or_else("10", 10)
        .from(3)
        .alone(0.5),
    number("maximum_lag_on_failover", "bytes a candidate may be behind")
        .dynamic()
        .or_else("1048576", 1048576)
        .from(0)
        .to(1e18),
    number("maximum_lag_on_syncnode", "bytes a synchronous standby may be behind; -1: any number")
        .dynamic()
        .or_else("-1", -1)
        .from(-1)
        .to(1e18),
    number("max_timelines_history", "lines of /history that are kept; 0: all").dynamic().or_else("0").from(0).to(1e9),
    seconds("primary_start_timeout", "how long a crashed primary may take before another one is elected")
        .dynamic()
        .was("master_start_timeout")
        .or_else("300", 300),
    seconds("primary_stop_timeout", "how long a synchronous primary may take to stop before it is killed; 0: for ever")
        .dynamic()
        .was("master_stop_timeout")
        .or_else("0"),
    seconds("primary_race_backoff", "how long replicas leave the lock to a leader that lost it").dynamic().or_else("0"),
    seconds("primary_hang_timeout", "how long a primary may answer nothing; 0: for ever")
        .dynamic()
        .or_else("10", 10)
        .regent(),
    seconds("primary_stall_timeout", "how long it may take no connection, or write no WAL; 0: for ever")
        .dynamic()
        .or_else("30", 30)
        .regent(),
    text("primary_hang_policy", "what is done about such a primary")
        .dynamic()
        .or_else("failover")
        .among("failover restart report")
        .regent(),
    seconds("member_slots_ttl", "how long the slot of a member that went away is kept").dynamic().or_else("1800", 1800),
    flag("check_timeline", "a replica on an older timeline is not elected").dynamic(),
    flag("check_collation", "a replica that sorts text otherwise than the last leader is not elected")
        .dynamic()
        .regent(),
    flag("pause", "maintenance: nothing is started, stopped or promoted").dynamic(),
    flag("failsafe_mode", "a leader without the store goes on while all members agree").dynamic(),
    text("synchronous_mode", "commits wait for a standby").dynamic().or_else("off").among("off on quorum"),
    flag("synchronous_mode_strict", "they wait even where no standby is there").dynamic(),
    number("synchronous_node_count", "how many standbys they wait for").dynamic().or_else("1", 1).from(1).to(1000),
    seconds("synchronous_takeover_after",
            "how long without a sign of life before a synchronous standby takes over; or on, off")
        .dynamic()
        .or_else("1", 1)
        .among("on off")
        .regent(),
    mapping("slots", "permanent replication slots, by name")
        .dynamic()
        .was("permanent_slots permanent_replication_slots"),
    any("ignore_slots", "replication slots that are left alone: a list of name, type, database, plugin").dynamic(),
    section("standby_cluster", "this cluster copies another one").dynamic(),
    text("standby_cluster.host", "the other cluster's address").dynamic(),
    text("standby_cluster.port", "its port").dynamic().or_else("5432"),
    text("standby_cluster.primary_slot_name", "the slot there").dynamic(),
    list("standby_cluster.create_replica_methods", "how the standby leader is copied").dynamic(),
    text("standby_cluster.restore_command", "for the standby leader only").dynamic(),
    text("standby_cluster.archive_cleanup_command", "for the standby leader only").dynamic(),
    text("standby_cluster.recovery_min_apply_delay", "for the standby leader only").dynamic(),
    flag("manage_synchronized_standby_slots", "write synchronized_standby_slots")
        .dynamic()
        .idle_because("synchronized_standby_slots is left as postgresql.parameters has it"),
    // ------------------------------------------------------------------------------------------------ etcd
    section("etcd3", "etcd; a section etcd is read likewise"),
    text("etcd3.host", "host:port of one server").env("ETCD3_HOST ETCD_HOST"),
    any("etcd3.hosts", "host:port of several, a list or one text with commas").env("ETCD3_HOSTS ETCD_HOSTS"),
    text("etcd3.url", "a whole URL, with user and password").env("ETCD3_URL ETCD_URL"),
    text("etcd3.proxy", "URL of a proxy in front of etcd; members are not discovered").env("ETCD3_PROXY ETCD_PROXY"),
    text("etcd3.srv", "discovery by DNS").env("ETCD3_SRV ETCD_SRV"),
    text("etcd3.srv_suffix", "suffix of the DNS names")
        .env("ETCD3_SRV_SUFFIX ETCD_SRV_SUFFIX")
        .idle_because("discovery by DNS SRV records is not supported"),
    flag("etcd3.use_proxies", "the addresses are those of proxies; members are not discovered")
        .env("ETCD3_USE_PROXIES ETCD_USE_PROXIES"),
    text("etcd3.protocol", "towards host and hosts")
        .env("ETCD3_PROTOCOL ETCD_PROTOCOL")
        .or_else("http")
        .among("http https"),
    integer("etcd3.port", "port of host, where it has none")
        .env("ETCD3_PORT ETCD_PORT")
        .or_else("2379", 2379)
        .from(1)
        .to(65535),
    text("etcd3.username", "user").env("ETCD3_USERNAME ETCD_USERNAME"),
    text("etcd3.password", "its password").env("ETCD3_PASSWORD ETCD_PASSWORD"),
    text("etcd3.cacert", "whose certificates are believed").env("ETCD3_CACERT ETCD_CACERT"),
    text("etcd3.cert", "certificate shown to etcd").env("ETCD3_CERT ETCD_CERT"),
    text("etcd3.key", "its key").env("ETCD3_KEY ETCD_KEY"),
    text("etcd3.key_password", "password of the key")
        .env("ETCD3_KEY_PASSWORD ETCD_KEY_PASSWORD")
        .idle_because("the key must have none"),
    // ------------------------------------------------------------------------------------------------ consul
    section("consul", "Consul").idle_because("this store is not served yet"),
    text("consul.host", "host:port").env("CONSUL_HOST"),
    integer("consul.port", "port").env("CONSUL_PORT"),
    text("consul.url", "a whole URL").env("CONSUL_URL"),
    text("consul.scheme", "http or https").env("CONSUL_SCHEME"),
    text("consul.token", "access token").env("CONSUL_TOKEN"),
    flag("consul.verify", "certificates are checked").env("CONSUL_VERIFY"),
    text("consul.cacert", "whose certificates are believed").env("CONSUL_CACERT"),
    text("consul.cert", "certificate shown to Consul").env("CONSUL_CERT"),
    text("consul.key", "its key").env("CONSUL_KEY"),
    text("consul.dc", "data centre").env("CONSUL_DC"),
    text("consul.consistency", "kind of reads").env("CONSUL_CONSISTENCY").among("default consistent stale"),
    list("consul.checks", "health checks of the session").env("CONSUL_CHECKS"),
    flag("consul.register_service", "a service for the members").env("CONSUL_REGISTER_SERVICE"),
    list("consul.service_tags", "tags of the service").env("CONSUL_SERVICE_TAGS"),
    text("consul.service_check_interval", "how often it is checked").env("CONSUL_SERVICE_CHECK_INTERVAL"),
    text("consul.service_check_tls_server_name", "name in its certificate").env("CONSUL_SERVICE_CHECK_TLS_SERVER_NAME"),
    // ------------------------------------------------------------------------------------------------ zookeeper
    section("zookeeper", "ZooKeeper").idle_because("this store is not served yet"),
    any("zookeeper.hosts", "host:port of the ensemble").env("ZOOKEEPER_HOSTS"),
    flag("zookeeper.use_ssl", "TLS").env("ZOOKEEPER_USE_SSL"),
    text("zookeeper.cacert", "whose certificates are believed").env("ZOOKEEPER_CACERT"),
    text("zookeeper.cert", "certificate shown to ZooKeeper").env("ZOOKEEPER_CERT"),
    text("zookeeper.key", "its key").env("ZOOKEEPER_KEY"),
    text("zookeeper.key_password", "password of the key").env("ZOOKEEPER_KEY_PASSWORD"),
    flag("zookeeper.verify", "certificates are checked").env("ZOOKEEPER_VERIFY"),
    mapping("zookeeper.set_acls", "access lists of the nodes").env("ZOOKEEPER_SET_ACLS"),
    mapping("zookeeper.auth_data", "credentials by scheme").env("ZOOKEEPER_AUTH_DATA"),
    // ------------------------------------------------------------------------------------------------ exhibitor
    section("exhibitor", "ZooKeeper found through Exhibitor").idle_because("this store is not served yet"),
    list("exhibitor.hosts", "its hosts").env("EXHIBITOR_HOSTS"),
    integer("exhibitor.port", "its port").env("EXHIBITOR_PORT"),
    integer("exhibitor.poll_interval", "how often it is asked").env("EXHIBITOR_POLL_INTERVAL"),
    mapping("exhibitor.set_acls", "access lists of the nodes").env("EXHIBITOR_SET_ACLS"),
    mapping("exhibitor.auth_data", "credentials by scheme").env("EXHIBITOR_AUTH_DATA"),
    // ------------------------------------------------------------------------------------------------ kubernetes
    section("kubernetes", "Kubernetes").idle_because("this store is not served yet"),
    text("kubernetes.namespace", "namespace of the objects").env("KUBERNETES_NAMESPACE"),
    mapping("kubernetes.labels", "labels of the objects").env("KUBERNETES_LABELS"),
    text("kubernetes.scope_label", "label of the cluster").env("KUBERNETES_SCOPE_LABEL"),
    text("kubernetes.role_label", "label of the role").env("KUBERNETES_ROLE_LABEL"),
    text("kubernetes.leader_label_value", "its value on the leader").env("KUBERNETES_LEADER_LABEL_VALUE"),
    text("kubernetes.follower_label_value", "on a replica").env("KUBERNETES_FOLLOWER_LABEL_VALUE"),
    text("kubernetes.standby_leader_label_value", "on a standby leader").env("KUBERNETES_STANDBY_LEADER_LABEL_VALUE"),
    text("kubernetes.tmp_role_label", "a second label of the role").env("KUBERNETES_TMP_ROLE_LABEL"),
    mapping("kubernetes.bootstrap_labels", "labels while a cluster is made").env("KUBERNETES_BOOTSTRAP_LABELS"),
    flag("kubernetes.use_endpoints", "Endpoints instead of ConfigMaps").env("KUBERNETES_USE_ENDPOINTS"),
    text("kubernetes.pod_ip", "address of the pod").env("KUBERNETES_POD_IP"),
    list("kubernetes.ports", "ports of the Endpoints").env("KUBERNETES_PORTS"),
    flag("kubernetes.bypass_api_service", "talk to the API servers directly").env("KUBERNETES_BYPASS_API_SERVICE"),
    text("kubernetes.cacert", "whose certificates are believed").env("KUBERNETES_CACERT"),
    text("kubernetes.context", "context of the kubeconfig").env("KUBERNETES_CONTEXT"),
    list("kubernetes.retriable_http_codes", "answers after which it is tried again")
        .env("KUBERNETES_RETRIABLE_HTTP_CODES"),
    integer("kubernetes.xlog_cache_ttl", "how long a position is remembered").env("KUBERNETES_XLOG_CACHE_TTL"),
    // ------------------------------------------------------------------------------------------------ raft
    section("raft", "a store of its own").idle_because("this store is not served yet"),
    text("raft.self_addr", "host:port of this node").env("RAFT_SELF_ADDR"),
    text("raft.bind_addr", "host:port it listens on").env("RAFT_BIND_ADDR"),
    list("raft.partner_addrs", "host:port of the others").env("RAFT_PARTNER_ADDRS"),
    text("raft.data_dir", "its directory").env("RAFT_DATA_DIR"),
    text("raft.password", "shared secret").env("RAFT_PASSWORD"),
    // ------------------------------------------------------------------------------------------------ citus
    section("citus", "Citus").idle_because("Citus is not supported"),
    integer("citus.group", "group of this cluster").env("CITUS_GROUP"),
    text("citus.database", "its database").env("CITUS_DATABASE"),
};

constexpr const ConfigRow* find(std::string_view path) {
  for (const ConfigRow& row : rows) {
    if (row.path == path) return &row;
  }
  return nullptr;
}

}  // namespace config_table

constexpr std::span<const ConfigRow> config_rows() {
  return config_table::rows;
}

// A key as its readers name it, by its whole path. One without a row does not compile.
class ConfigName {
 public:
  consteval ConfigName(const char* path) : row_(config_table::find(path)) {
    if (row_ == nullptr) throw "this key has no row in model/config_table.h";
  }

  constexpr const ConfigRow& row() const { return *row_; }
  constexpr const ConfigRow* operator->() const { return row_; }

 private:
  const ConfigRow* row_;
};

}  // namespace regent
