#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC1091,SC2034,SC2154 # what lib.sh uses and sets
#
# virtio-net with stock guests: user-mode networking, TAP with two queues, two guests on a socket,
# two interfaces on a switch; ping, TCP both ways with checksums, MTU, address, link, rebinding.

. /test/lib.sh

size=32
[ "$FULL" = 0 ] || {
	size=1024
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
numbered() { # FILE COUNT: that many copies of it, each behind its number
	i=0
	while [ $i -lt "$2" ]; do
		echo "$i"
		cat "$1"
		i=$((i + 1))
	done
}
pings() { # ADDRESS [OPTION...]
	address=$1
	shift
	ping -c 3 -W 20 "$@" "$address" >/dev/null 2>&1 && echo yes || echo no
}
device_of() { # INTERFACE: "virtio2"
	cd -P "/sys/class/net/$1/device" && echo "${PWD##*/}"
	cd /
}
END
. guest/test/common.sh

# No two MiB of it are the same, and it is made quickly. The machine beside the guest serves it.
mkdir www
head -c 1048576 /dev/urandom >www/part
numbered www/part $size >www/blob
expected=$(sha256sum <www/blob | cut -d' ' -f1)
httpd -p 8000 -h "$dir/www"
# What a guest sends goes to port 8001, where every byte is checked. busybox's nc, which reads and
# writes 1 KiB at a time, costs more than the network here.
"$programs/net_rate" serve 8001 >/dev/null 2>&1 &
sink=$!

# sent NAME: whether the guest's "sent MICROSECONDS BYTES" is about all of them; shows the rate.
sent()
{
	# shellcheck disable=SC2046 # words
	set -- $(said "$1" sent)
	[ "${2:-}" = $((size * 1048576)) ] || return 1
	echo "    $(($2 / ($1 + 1))) MB/s, $size MiB in $(($1 / 1000000)) s"
}

# ---- User-mode networking ----

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
udhcpc -n -q -i eth0 -s /tmp/dhcp >/dev/null 2>&1
say address "$(ip -4 -o addr show dev eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')"
say ping "$(pings 10.0.2.2)"
say down "$(fetch http://10.0.2.2:8000/blob)"
mkdir /tmp/www
wget -q -O /tmp/www/part http://10.0.2.2:8000/part
httpd -p 80 -h /tmp/www
say served
read -r size
say sent "$(/test/net_rate put 10.0.2.2 8001 $((size * 1048576)) 2>&1)"
read -r _
END
	guest user script --net user,hostfwd=tcp:127.0.0.1:8080-:80
	check user-dhcp says user 'address 10.0.2.15'
	check user-ping says user 'ping yes'
	check user-down says user "down $expected"
	check user-serves says user served
	wget -q -O fetched http://127.0.0.1:8080/part
	check user-forwarded-port same fetched www/part
	tell user $size
	check user-sends says user sent
	check user-up sent user
	tell user go
	check user-ends ended user 0
	rm -f fetched
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
say queues "$(echo /sys/class/net/eth0/queues/*)"
say mac "$(cat /sys/class/net/eth0/address)"
say mtu "$(cat /sys/class/net/eth0/mtu)"
say ping "$(pings 192.168.7.1)"
say large "$(pings 192.168.7.1 -s 4000)"
say down "$(fetch http://192.168.7.1:8000/blob)"
read -r size
say sent "$(/test/net_rate put 192.168.7.1 8001 $((size * 1048576)) 2>&1)"
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
	part=$(sha256sum <www/part | cut -d' ' -f1)
	# As root the VMM makes the interface itself.
	guest_cpus=2
	guest tap script --net tap=tap0,queues=2,mtu=1450,mac=02:00:00:00:00:07 --stats
	guest_cpus=1
	ip addr add 192.168.7.1/24 dev tap0
	ip link set tap0 up
	check tap-mtu-outside test "$(cat /sys/class/net/tap0/mtu)" = 1450
	check tap-queues says tap 'queues .*rx-0 .*rx-1 .*tx-0 .*tx-1'
	check tap-mac says tap 'mac 02:00:00:00:00:07'
	check tap-mtu says tap 'mtu 1450'
	check tap-ping says tap 'ping yes'
	check tap-fragments says tap 'large yes'
	check tap-down says tap "down $expected"
	tell tap $size
	check tap-sends says tap sent
	check tap-up sent tap
	check tap-mtu-800 says tap 'mtu-800 800 yes'
	check tap-mtu-1400 says tap 'mtu-1400 yes'
	check tap-new-address says tap 'address yes'
	check tap-new-address-seen grep -q '192.168.7.2 .*02:00:00:00:00:99' /proc/net/arp
	tell tap go
	check tap-unbound says tap 'unbound gone'
	check tap-rebound says tap 'rebound 02:00:00:00:00:07 yes'
	check tap-reloaded says tap 'reloaded yes'
	check tap-again says tap "again $part"
	check tap-ends ended tap 0
	check tap-statistics grep -q 'device net0 sent [1-9]' tap.err
}

# ---- The cable, by the control socket ----

link()
{
	if ! /test/vmm --help 2>&1 | grep -q 'vmm ctl'; then
		skip link 'this vmm has no control socket'
		return
	fi
	cat >script <<'END'
. /test/common.sh
up eth0 10.0.2.15
carrier() {
	tries=0
	until [ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = "$1" ] || [ $tries -ge 600 ]; do
		tries=$((tries + 1))
		usleep 100000
	done
	cat /sys/class/net/eth0/carrier
}
say up "$(carrier 1)" "$(pings 10.0.2.2)"
say down "$(carrier 0)"
say lost "$(ping -c 1 -W 2 10.0.2.2 >/dev/null 2>&1 && echo no || echo yes)"
read -r _
say again "$(carrier 1)" "$(pings 10.0.2.2)"
END
	guest link script --net user,mtu=1500 --control ctl
	check link-up says link 'up 1 yes'
	check link-command-down /test/vmm ctl ctl net0 link down
	check link-down says link 'down 0'
	check link-lost says link 'lost yes'
	check link-mtu /test/vmm ctl ctl net0 mtu 1400
	check link-wrong test "$(/test/vmm ctl ctl net0 link sideways 2>&1 | grep -c 'link up or link down')" = 1
	check link-command-up /test/vmm ctl ctl net0 link up
	tell link go
	check link-again says link 'again 1 yes'
	check link-ends ended link 0
}

# ---- Guest to guest ----

socket()
{
	cat >script <<'END'
. /test/common.sh
read -r me other
up eth0 "10.7.0.$me"
mkdir -p /tmp/www
head -c 4194304 /dev/urandom >/tmp/www/blob
httpd -p 80 -h /tmp/www
say hash "$(sha256sum </tmp/www/blob | cut -d' ' -f1)"
read -r _
say ping "$(pings "10.7.0.$other")"
say got "$(fetch "http://10.7.0.$other/blob")"
read -r _
END
	memory=128M
	guest a script --net socket=cable,listen
	tell a 1 2
	check socket-a says a hash
	guest b script --net socket=cable
	tell b 2 1
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
head -c 4194304 /dev/urandom >/tmp/www/blob
httpd -p 80 -h /tmp/www
say got "$(inside wget -q -O - http://10.8.0.1/blob | sha256sum)"
say hash "$(sha256sum </tmp/www/blob)"
kill $other
END
	guest switch script --net switch=lan --net switch=lan
	check switch-ping says switch 'ping yes'
	check switch-done says switch hash
	check switch-got says switch "got $(said switch hash)"
	check switch-ends ended switch 0
}

for part in user tap link socket switch; do
	! wanted $part || $part
done
kill "$sink"
finish
