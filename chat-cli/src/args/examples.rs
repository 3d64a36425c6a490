//! The examples at the end of the help texts.

pub(super) const EXAMPLES: &str = "\
Examples:
  chat                                  join the lobby of the server on this network, or host one
  echo 'lunch?' | chat
  chat discover                         list the servers on this network
  chat doctor                           find out what works, with advice
  chat serve                            run a server for this network
  chat join 192.168.1.7                 join the lobby of that server
  chat join udp://192.168.1.7           the same over UDP
  chat send 192.168.1.7 --room lobby hi";

pub(super) const SERVE_EXAMPLES: &str = "\
Examples:
  chat serve
  chat serve --listen tcp://127.0.0.1:0           a free port, for this machine only
  chat serve --listen udp://0.0.0.0:7000          UDP only
  chat serve --data /srv/chat --keep 90d          rooms in that directory, the last three months
  chat serve --memory                             nothing is stored
  chat serve --name office                        the server is found as office
  chat serve --shared-network 192.0.2.7           a class or an office is behind that address
  chat serve --listen tcp://[::]:7000 --password-file secret.txt";

pub(super) const JOIN_EXAMPLES: &str = "\
Examples:
  chat join
  chat join 192.168.1.7 --name ana --room lobby --room kitchen
  chat join udp://192.168.1.7:7000                over UDP
  echo 'lunch?' | chat join 192.168.1.7 --plain
  chat join 192.168.1.7 --json | jq 'select(.type == \"message\").text'";

pub(super) const SEND_EXAMPLES: &str = "\
Examples:
  chat send 192.168.1.7 --room builds 'nightly build is green'
  df -h / | chat send 192.168.1.7 --room disks --name backup";

pub(super) const TAIL_EXAMPLES: &str = "\
Examples:
  chat tail 192.168.1.7 --room builds
  chat tail 192.168.1.7 --room builds --after 0 --json > builds.jsonl";

pub(super) const SEARCH_EXAMPLES: &str = "\
Examples:
  chat search red tea
  chat search 192.168.1.7 tea --room kitchen --from ana --since 3d
  chat search udp://192.168.1.7 喝茶 --json | jq .text";

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  chat export 192.168.1.7 --room builds --format jsonl > builds.jsonl
  chat export 192.168.1.7 --room lobby --since 1w --format html --output lobby.html";

pub(super) const VERIFY_EXAMPLES: &str = "\
Examples:
  chat verify 192.168.1.7 --room minutes";

pub(super) const DISCOVER_EXAMPLES: &str = "\
Examples:
  chat discover
  chat discover --json | jq -r '.urls[0]'";

pub(super) const CONFIG_EXAMPLES: &str = "\
Examples:
  chat config
  chat config --init
  CHAT_SERVER=udp://192.168.1.7 chat config --json | jq .server";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  chat completions bash > ~/.local/share/bash-completion/completions/chat
  chat completions fish > ~/.config/fish/completions/chat.fish";
