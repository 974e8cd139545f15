-- Prosody 0.12 for one domain on the loopback, with a name server of the test's own.
daemonize = false
run_as_root = true
pidfile = "$folder/prosody.pid"
data_path = "$folder/data"
certificates = "$folder"
network_backend = "epoll"
log = { debug = "*console" }

interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { $c2s }
c2s_direct_tls_ports = { }
s2s_ports = { $s2s }
s2s_direct_tls_ports = { }
component_ports = { $component }
component_interfaces = { "127.0.0.1" }
http_ports = { $http }
http_interfaces = { "127.0.0.1" }
https_ports = { }

-- libunbound asks no server on this machine unless told that it may
unbound = {
  resolvconf = false; hoststxt = false; forward = { "127.0.0.1@$dns" };
  options = { ["do-not-query-localhost:"] = "no" };
}

modules_enabled = {
  "roster", "saslauth", "tls", "dialback", "s2s", "disco", "carbons", "pep", "private", "blocklist", "vcard4",
  "vcard_legacy", "version", "time", "ping", "smacks", "offline", "posix",
}
authentication = "internal_plain"
storage = "internal"
ssl = { cafile = "$ca"; certificate = "$certificate"; key = "$key" }
c2s_require_encryption = true
s2s_require_encryption = true
s2s_secure_auth = $demands

VirtualHost "$domain"
Component "conference.$domain" "muc"
  restrict_room_creation = false
  muc_room_default_public = true
$components
