/**
 * The flags of unshare(1) for a host of its own: network, mounts and processes, all of which end with its first process.
 */
export const OWN_NAMESPACES = ['-n', '-m', '-p', '-f', '--kill-child', '--mount-proc'];

/**
 * A script of bash for the first process there: one link that leads nowhere, with $ADDRESS in a network of 24 bits, all
 * cgroups, and no network namespace of the machine's. It needs an empty $FOLDER.
 */
export const OWN_HOST = `
set -e
ip link set lo up
ip link add eth0 type veth peer name eth0p && ip address add "$ADDRESS/24" dev eth0
ip link set eth0 up && ip link set eth0p up && ip route add default via "\${ADDRESS%.*}.1"
# sysfs shows the network namespace that it was mounted in.
mkdir -p "$FOLDER/cgroups" && mount --rbind /sys/fs/cgroup "$FOLDER/cgroups"
mount -t sysfs sysfs /sys && mount --rbind "$FOLDER/cgroups" /sys/fs/cgroup && umount -l "$FOLDER/cgroups"
mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
echo 1 > /proc/sys/net/ipv4/ip_forward
`;
