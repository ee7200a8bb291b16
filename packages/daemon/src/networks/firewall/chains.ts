/*
 * The rules are always these, whatever the number of networks and containers; what differs is in the sets.
 *
 * guard: a port published on the host's loopback is not reached from elsewhere; sources of guarded ports.
 * publish: the destination is rewritten, the source stays what it is.
 * postrouting: a container that reaches itself or a neighbour through the host's address gets its answer through the
 *   host; what leaves to elsewhere leaves with the host's address.
 * forward: into a network come answers, ports opened by a link, published ports, and at a container's own address what
 *   `direct.ts` lists; networks do not see each other; an internal network is alone. Egress policies come first.
 * Rules that decide about much of the traffic count it, for those who ask why something is not reached.
 * inner: what a listener of ours would carry out of an internal network, where `forward` does not see it.
 */
export const CHAINS = `  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" ip daddr . meta l4proto . th dport @loopback4 counter drop comment "a port published on the loopback is for the host alone"
    meta l4proto . th dport @guarded fib daddr type local jump sources
  }
  chain sources {
    ip saddr . meta l4proto . th dport @sources4 return
    ip6 saddr . meta l4proto . th dport @sources6 return
    iifname "lo" return
    counter drop comment "a source that may not reach a guarded published port"
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local goto publish
  }
  chain output {
    type nat hook output priority dstnat; policy accept;
    ip daddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    fib daddr type local goto publish
  }
  chain publish {
    dnat ip to ip daddr . meta l4proto . th dport map @publish4
    dnat ip to meta l4proto . th dport map @anywhere4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6
    dnat ip6 to meta l4proto . th dport map @anywhere6
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr . oifname @own4 ct status dnat masquerade
    ip saddr . oifname @own4 return
    ip6 saddr . oifname @own6 ct status dnat masquerade
    ip6 saddr . oifname @own6 return
    ip daddr 224.0.0.0/4 return
    snat ip to ip saddr map @source4
    snat ip6 to ip6 saddr map @source6
    ip saddr @masquerade4 counter masquerade comment "what leaves goes with the address of the host"
    ip6 saddr @masquerade6 counter masquerade comment "what leaves goes with the address of the host"
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related counter accept comment "answers, and what goes on"
    ip saddr . ip daddr . meta l4proto . th dport @linked accept
    iifname . oifname vmap @inside
    iifname @bridges jump egress
    oifname @internal counter drop comment "nothing from elsewhere into an internal network"
    iifname @internal counter drop comment "nothing from an internal network to elsewhere"
    oifname @bridges ct status dnat counter accept comment "new connections to published ports"
    oifname @open4 meta nfproto ipv4 iifname != @bridges accept
    oifname @open6 meta nfproto ipv6 iifname != @bridges accept
    oifname @routed4 meta l4proto icmp accept
    oifname @routed6 meta l4proto ipv6-icmp accept
    ip daddr . meta l4proto . th dport @anyone4 accept
    ip6 daddr . meta l4proto . th dport @anyone6 accept
    iifname != @bridges ip daddr . meta l4proto . th dport @outsiders4 accept
    iifname != @bridges ip6 daddr . meta l4proto . th dport @outsiders6 accept
    iifname . ip daddr . meta l4proto . th dport @trusted4 accept
    iifname . ip6 daddr . meta l4proto . th dport @trusted6 accept
    oifname @bridges counter drop comment "into a network from elsewhere only what is published"
    iifname @bridges counter accept comment "from a network to elsewhere"
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname @internal ct state new jump inner
    iifname @bridges ct state new jump egress
  }
  chain inner {
    meta nfproto ipv6 meta l4proto . th dport @carried6 drop
    ip6 daddr . meta l4proto . th dport @carriedat6 drop
  }
  chain egress {
    ip saddr @restricted4 goto policy4
    ip6 saddr @restricted6 goto policy6
  }
  chain policy4 {
    ip saddr . ip daddr . meta l4proto . th dport @allowed4 return
    ip saddr . ip daddr . meta l4proto . th dport @named4 return
    update @refused4 { ip saddr }
    reject with icmp admin-prohibited
  }
  chain policy6 {
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } return
    ip6 saddr . ip6 daddr . meta l4proto . th dport @allowed6 return
    ip6 saddr . ip6 daddr . meta l4proto . th dport @named6 return
    update @refused6 { ip6 saddr }
    reject with icmpv6 admin-prohibited
  }
`;
