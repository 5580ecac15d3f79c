#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC1091,SC2034,SC2154 # what lib.sh uses and sets
#
# virtio-net with stock guests: user-mode networking, TAP with two queues, two guests on a socket,
# two interfaces on a switch; ping, TCP both ways with checksums, MTU, address, link, rebinding.

. /test/lib.sh

# MiB, through a backend and from guest to guest.
size=32
small=1
[ "$FULL" = 0 ] || {
	size=1024
	small=16
	patience=2400
}
memory=256M

# What all guests can do: bring up an interface, fetch, send, find the virtio device.
cat >guest/test/common.sh <<'END'
up() { # INTERFACE ADDRESS
	ip link set lo up
	ip link set "$1" up
	ip addr add "$2/24" dev "$1"
}
fetch() { # URL: its hash, without keeping it
	wget -q -O - "$1" 2>/dev/null | sha256sum | cut -d' ' -f1
}
pings() { # ADDRESS [OPTION...]
	address=$1
	shift
	ping -c 3 -i 0.2 -W 20 "$@" "$address" >/dev/null 2>&1 && echo yes || echo no
}
up_v6() { # INTERFACE ADDRESS: at once, nobody is asked who has it already
	echo 0 >"/proc/sys/net/ipv6/conf/$1/accept_dad"
	ip addr add "$2/64" dev "$1"
}
transfer() { # ADDRESS MIB NAME: both ways, every byte checked; how long frames were that it sent
	bytes=$(counted tx_bytes) packets=$(counted tx_packets)
	say "sent-$3" "$(/test/net_rate put "$1" 8001 $(($2 * 1048576)) 2>&1)"
	say "frames-$3" $((($(counted tx_bytes) - bytes) / ($(counted tx_packets) - packets)))
	say "received-$3" "$(/test/net_rate get "$1" 8001 $(($2 * 1048576)) 2>&1)"
}
counted() { # NAME: a statistic of the interface
	cat "/sys/class/net/eth0/statistics/$1"
}
features() { # which of CSUM, GUEST_CSUM, GUEST_TSO4 and 6, HOST_TSO4 and 6 the driver took
	cut -c 1,2,8,9,12,13 "/sys/class/net/eth0/device/features"
}
device_of() { # INTERFACE: "virtio2"
	cd -P "/sys/class/net/$1/device" && echo "${PWD##*/}"
	cd /
}
END
. guest/test/common.sh

# The machine beside the guest serves a file, and on port 8001 streams whose every byte is checked:
# busybox's own tools, which read and write 1 KiB at a time, cost more than the network here.
mkdir www
head -c 1048576 /dev/urandom >www/part
expected=$(sha256sum <www/part | cut -d' ' -f1)
httpd -p 8000 -h "$dir/www"
server=$("$programs/net_rate" serve 8001)

# transferred NAME WORD MIB: whether the guest's "WORD MICROSECONDS BYTES" is about all of them; shows the rate.
transferred()
{
	says "$1" "$2 " || return 1
	# shellcheck disable=SC2046 # words
	set -- $(said "$1" "$2") "$3"
	[ "$2" = $(($3 * 1048576)) ] || return 1
	echo "    $(($2 / ($1 + 1))) MB/s, $3 MiB in $(($1 / 1000000)) s"
}

# transfers NAME FEATURES: both ways over IPv4 and IPv6, with checksums left to the device, and in frames
# that it cuts where it takes them (the last of FEATURES: TSO over IPv6).
transfers()
{
	check "$1-features" answers "$1" features "$2"
	for ip in v4 v6; do
		mib=$([ $ip = v4 ] && echo "$size" || echo $((size / 16)))
		check "$1-sent-$ip" transferred "$1" sent-$ip "$mib"
		check "$1-received-$ip" transferred "$1" received-$ip "$mib"
		case $ip$2 in
		v6*0) ;;
		*) check "$1-long-frames-$ip" test "$(said "$1" frames-$ip)" -gt 3000 ;;
		esac
	done
}

# ---- User-mode networking, and the cable ----

user()
{
	cat >script <<'END'
. /test/common.sh
cat >/tmp/dhcp <<'DHCP'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/24" dev "$interface"
ip route add default via "$router"
DHCP
chmod 755 /tmp/dhcp
ip link set lo up
ip link set eth0 up
up_v6 eth0 fec0::15
udhcpc -n -q -i eth0 -s /tmp/dhcp >/dev/null 2>&1
say address "$(ip -4 -o addr show dev eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')"
say ping "$(pings 10.0.2.2)"
say down "$(fetch http://10.0.2.2:8000/part)"
mkdir /tmp/www
wget -q -O /tmp/www/part http://10.0.2.2:8000/part
httpd -p 80 -h /tmp/www
say served
read -r size
say features "$(features)"
transfer 10.0.2.2 "$size" v4
transfer fec0::2 $((size / 16)) v6
say link
read -r _
carrier() {
	tries=0
	until [ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = "$1" ] || [ $tries -ge 600 ]; do
		tries=$((tries + 1))
		usleep 100000
	done
	cat /sys/class/net/eth0/carrier
}
say unplugged "$(carrier 0)"
say lost "$(ping -c 1 -W 2 10.0.2.2 >/dev/null 2>&1 && echo no || echo yes)"
read -r _
# The kernel lets frames out up to a second after it has seen the carrier.
say again "$(carrier 1)" "$(pings 10.0.2.2 -i 1)" "$(cat /sys/class/net/eth0/mtu)"
END
	guest user script --net user,mtu=1500,hostfwd=tcp:127.0.0.1:8080-:80 --control ctl
	check user-dhcp says user 'address 10.0.2.15'
	check user-ping says user 'ping yes'
	check user-down says user "down $expected"
	check user-serves says user served
	wget -q -O fetched http://127.0.0.1:8080/part
	check user-forwarded-port same fetched www/part
	rm -f fetched
	tell user $size
	transfers user 111010
	check user-link says user link
	check link-command-down /test/vmm ctl ctl net0 link down
	tell user go
	check link-down says user 'unplugged 0'
	check link-lost says user 'lost yes'
	check link-mtu /test/vmm ctl ctl net0 mtu 1400
	check link-wrong test "$(/test/vmm ctl ctl net0 link sideways 2>&1 | grep -c 'link up or link down')" = 1
	check link-command-up /test/vmm ctl ctl net0 link up
	tell user go
	check link-again says user 'again 1 yes'
	check user-ends ended user 0
}

# ---- TAP ----

tap()
{
	while read -r module; do
		insmod "$module" 2>/dev/null
	done </modules/tun
	mkdir -p /dev/net
	[ -c /dev/net/tun ] || mknod /dev/net/tun c 10 200
	check tap-refused test "$(/test/vmm run --kernel /test/linux --net tap=nothing-like-that-one 2>&1 </dev/null | grep -c 'name has 1 to 15')" = 1
	cat >script <<'END'
. /test/common.sh
up eth0 192.168.7.2
up_v6 eth0 fd07::2
say queues "$(echo /sys/class/net/eth0/queues/*)"
say mac "$(cat /sys/class/net/eth0/address)"
say mtu "$(cat /sys/class/net/eth0/mtu)"
say ping "$(pings 192.168.7.1)"
say large "$(pings 192.168.7.1 -s 4000)"
say features "$(features)"
read -r size
transfer 192.168.7.1 "$size" v4
transfer fd07::1 $((size / 16)) v6
ip link set eth0 mtu 800
say mtu-800 "$(cat /sys/class/net/eth0/mtu)" "$(pings 192.168.7.1 -s 772)"
ip link set eth0 mtu 1400
say mtu-1400 "$(pings 192.168.7.1 -s 1372)"
ip link set eth0 down
ip link set eth0 address 02:00:00:00:00:99
ip link set eth0 up
say address "$(pings 192.168.7.1)"
read -r _
# Unbound and bound again, unloaded and loaded again.
device=$(device_of eth0)
echo "$device" >/sys/bus/virtio/drivers/virtio_net/unbind
say unbound "$([ -e /sys/class/net/eth0 ] && echo there || echo gone)"
echo "$device" >/sys/bus/virtio/drivers/virtio_net/bind
up eth0 192.168.7.2
say rebound "$(cat /sys/class/net/eth0/address)" "$(pings 192.168.7.1)"
rmmod virtio_net
while read -r module; do
	insmod "$module" 2>/dev/null
done </modules/virtio-1
up eth0 192.168.7.2
say reloaded "$(pings 192.168.7.1)"
say again "$(fetch http://192.168.7.1:8000/part)"
END
	# As root the VMM makes the interface itself.
	guest_cpus=2
	guest tap script --net tap=tap0,queues=2,mtu=1450,mac=02:00:00:00:00:07 --stats
	guest_cpus=1
	ip addr add 192.168.7.1/24 dev tap0
	up_v6 tap0 fd07::1
	ip link set tap0 up
	check tap-mtu-outside test "$(cat /sys/class/net/tap0/mtu)" = 1450
	check tap-queues says tap 'queues .*rx-0 .*rx-1 .*tx-0 .*tx-1'
	check tap-mac says tap 'mac 02:00:00:00:00:07'
	check tap-mtu says tap 'mtu 1450'
	check tap-ping says tap 'ping yes'
	check tap-fragments says tap 'large yes'
	tell tap $size
	transfers tap 111111
	# By this name the table of clauses has it.
	check tap-down transferred tap received-v4 "$size"
	check tap-mtu-800 says tap 'mtu-800 800 yes'
	check tap-mtu-1400 says tap 'mtu-1400 yes'
	check tap-new-address says tap 'address yes'
	check tap-new-address-seen grep -q '192.168.7.2 .*02:00:00:00:00:99' /proc/net/arp
	tell tap go
	check tap-unbound says tap 'unbound gone'
	check tap-rebound says tap 'rebound 02:00:00:00:00:07 yes'
	check tap-reloaded says tap 'reloaded yes'
	check tap-again says tap "again $expected"
	check tap-ends ended tap 0
	check tap-statistics grep -q 'device net0 sent [1-9]' tap.err
}

# ---- Guest to guest ----

socket()
{
	cat >script <<'END'
. /test/common.sh
read -r me other size
up eth0 "10.7.0.$me"
mkdir -p /tmp/www
head -c $((size * 1048576)) /dev/urandom >/tmp/www/blob
httpd -p 80 -h /tmp/www
say hash "$(sha256sum </tmp/www/blob | cut -d' ' -f1)"
read -r _
say ping "$(pings "10.7.0.$other")"
say got "$(fetch "http://10.7.0.$other/blob")"
read -r _
END
	memory=128M
	guest a script --net socket=cable,listen
	tell a 1 2 $small
	check socket-a says a hash
	guest b script --net socket=cable
	tell b 2 1 $small
	check socket-b says b hash
	tell a go
	tell b go
	check socket-ping-a says a 'ping yes'
	check socket-ping-b says b 'ping yes'
	check socket-got-a says a "got $(said b hash)"
	check socket-got-b says b "got $(said a hash)"
	tell a go
	tell b go
	check socket-ends-a ended a 0
	check socket-ends-b ended b 0
	memory=256M
}

# One guest with an interface in each of two network namespaces.
switch()
{
	cat >script <<'END'
. /test/common.sh
read -r size
unshare -n sleep 10000 &
other=$!
usleep 500000
inside() {
	nsenter -t $other -n "$@"
}
ip link set eth1 netns $other
up eth0 10.8.0.1
inside ip link set lo up
inside ip link set eth1 up
inside ip addr add 10.8.0.2/24 dev eth1
say ping "$(pings 10.8.0.2)"
mkdir -p /tmp/www
head -c $((size * 1048576)) /dev/urandom >/tmp/www/blob
httpd -p 80 -h /tmp/www
say got "$(inside wget -q -O - http://10.8.0.1/blob | sha256sum)"
say hash "$(sha256sum </tmp/www/blob)"
kill $other
END
	guest switch script --net switch=lan --net switch=lan
	tell switch $small
	check switch-ping says switch 'ping yes'
	check switch-done says switch hash
	check switch-got says switch "got $(said switch hash)"
	check switch-ends ended switch 0
}

for part in user tap socket switch; do
	! wanted $part || $part
done
kill "$server"
finish
