#@ exits
r $IMG sh -c 'exit 7'
r $IMG nosuch
r $IMG /etc
r $IMG /etc/passwd
r $IMG /nosuch/file
r $IMG ./rel
r $IMG ''
r $IMG sh -c 'kill -9 $$'
r $IMG sh -c 'kill -TERM $$'
r --entrypoint nosuch $IMG
r --entrypoint /etc/passwd $IMG
r -w /etc/passwd $IMG true
r -w /new/dir $IMG pwd
r -u nosuch $IMG true
r -u nosuch:nogroup $IMG true
r -u 0:nosuch $IMG true
r -u 1234 $IMG id
r -u 1234:5 $IMG id
r -u nobody $IMG id
r -u :5 $IMG id
r -u 99999999999 $IMG id
r -u -1 $IMG id
r --group-add nosuch $IMG id
r --group-add 77 --group-add root $IMG id
r -v /nosuch/x:/y --mount type=bind,source=/nosuch/z,target=/z $IMG true
r -v /etc/passwd:/etc $IMG true
r -v /etc:/etc/passwd $IMG true
r -v /dev/null:/tmp/a/b $IMG stat -c "%A %u %g %n" /tmp/a
r --sysctl net.bogus=1 $IMG true
r --sysctl kernel.shmmax=bogus $IMG true
r --sysctl net.ipv4.ip_local_port_range="1 x" $IMG true
r --device /dev/nosuch $IMG true
r --cgroup-parent /bogus/x $IMG true
r --ulimit nofile=99999999999 $IMG true
r --cpuset-cpus 99 $IMG true
r --cpuset-mems 9 $IMG true
r --read-only $IMG touch /x
r --read-only --tmpfs /x $IMG touch /x/y
r --network container:nosuch $IMG true
r --ipc container:nosuch $IMG true
r --pid container:nosuch $IMG true
r --link nosuch $IMG true
r --link nosuch:x $IMG true
r --network nosuch $IMG true
r --volumes-from nosuch $IMG true
r -it $IMG true
r -t $IMG sh -c 'tty; stty size'
r -e A=1 -e B $IMG env
r -h hh --domainname d.e $IMG hostname -f
r --add-host xa:1.2.3.4 --add-host xb:::1 $IMG grep -e xa$ -e xb$ /etc/hosts
r --dns 1.1.1.1 --dns-search x.y --dns-option ndots:3 $IMG cat /etc/resolv.conf
r --network none $IMG cat /etc/hosts
r --network none $IMG cat /etc/resolv.conf
r --network none $IMG ip a
r --init $IMG ps -o pid,args
r --init $IMG sh -c 'kill -9 1; echo hi'
r --pid host $IMG sh -c 'test $$ -gt 1 && echo yes'
r --uts host $IMG true
r --privileged $IMG grep Cap /proc/self/status
r $IMG grep -e Cap -e NoNew -e Secc /proc/self/status
r --cap-drop all $IMG grep Cap /proc/self/status
r --cap-drop all --cap-add chown $IMG grep Cap /proc/self/status
r --cap-add all $IMG grep Cap /proc/self/status
r -u 5 --cap-add net_admin $IMG grep Cap /proc/self/status
r --security-opt no-new-privileges --security-opt seccomp=unconfined $IMG grep -e NoNew -e Secc /proc/self/status
r --shm-size 2m $IMG df /dev/shm
r --tmpfs /x:size=1m,mode=700,uid=5 $IMG sh -c 'mount | grep " /x "; stat -c "%A %u %g %n" /x'
r --tmpfs /x $IMG sh -c 'mount | grep " /x "; stat -c "%A %u %g %n" /x'
r --mount type=tmpfs,target=/x,tmpfs-size=2m,tmpfs-mode=0700 $IMG sh -c 'mount | grep " /x "; stat -c "%A %u %g %n" /x'
r $IMG sh -c 'mount | grep -v -e overlay -e "/etc/" | sed "s/,size=[0-9]*k//;s/,nr_inodes=[0-9]*//;s/,inode64//"'
r $IMG sh -c "cd /dev; stat -c \"%A %u %g %N\" *"
r $IMG ls /proc/self/fd
r $IMG cat /proc/self/cgroup
r $IMG cat /proc/1/oom_score_adj
r --oom-score-adj 7 $IMG cat /proc/1/oom_score_adj
r $IMG sh -c 'ulimit -a'
r --ulimit nofile=5:9 $IMG sh -c 'ulimit -n; ulimit -Hn'
r -m 64m --cpus 0.5 --pids-limit 20 --cpu-shares 512 --cpuset-cpus 0 --blkio-weight 300 $IMG sh -c 'cd /sys/fs/cgroup; cat memory.max memory.swap.max cpu.max pids.max cpu.weight cpuset.cpus'
r -m 64m --memory-swap -1 --memory-reservation 32m $IMG sh -c 'cd /sys/fs/cgroup; cat memory.max memory.swap.max memory.low'
r --device /dev/null:/dev/mynull:r $IMG sh -c 'stat -c "%A %u %g %n" /dev/mynull; echo x > /dev/mynull'
r $IMG sh -c "stat -c \"%A %u %g %n\" /*"
r --mount type=volume,target=/etc $IMG ls /etc
r --mount type=volume,target=/etc,volume-nocopy $IMG ls -A /etc
r -v ${T}w:/etc:ro $IMG touch /etc/x
r -v ${T}w:/etc $IMG sh -c 'touch /etc/x; ls /etc'
#@ attach-forms
echo in | docker run --rm -i $IMG cat; echo "rc $?"
echo in | docker run --rm $IMG cat; echo "rc $?"
echo in | docker run --rm -i -a stdin $IMG cat | sed 's/.*/ID/'; echo "rc $?"
docker run --rm -a stderr $IMG sh -c 'echo out; echo err >&2' 2>&1; echo "rc $?"
docker run --rm -a stdout $IMG sh -c 'echo out; echo err >&2' 2>&1; echo "rc $?"
docker run -d -a stdout $IMG true; echo "rc $?"
docker run -d --rm -i $IMG cat | sed 's/.*/ID/'
docker run --detach-keys bogus $IMG true; echo "rc $?"
docker run --detach-keys ctrl-a,a --rm $IMG echo hi; echo "rc $?"
docker run --cidfile cid --rm $IMG true; wc -c < cid; docker run --cidfile cid --rm $IMG true; echo "rc $?"
docker run --rm --log-driver none $IMG echo hi; docker run --name $T --log-driver none $IMG echo hi; t logs $T; docker rm $T
docker run --rm --sig-proxy=false $IMG echo hi
docker run -q --rm nosuch/image:x; echo "rc $?"
docker run --pull never nosuch:x; echo "rc $?"
docker run --pull always --rm nosuch:x; echo "rc $?"
docker run --rm -d --name $T $IMG sleep 60 >/dev/null; t attach --no-stdin --detach-keys bogus $T; timeout 1 docker attach --no-stdin $T; echo "rc $?"; sleep 1; docker run --rm --name $T $IMG true; echo "rc $?"; t rm $T; t start $T; t kill -s bogus $T; t kill -s 99 $T; t kill -s 0 $T; t kill -s USR1 $T; t stop -t x $T; t stop -s bogus $T; t stop -t 0 $T; sleep 0.5; t stop $T
#@ lifecycle
docker create --name $T $IMG sh -c 'echo a; sleep 60' >/dev/null
for x in kill pause unpause stop restart 'restart -t 0' wait\ --x attach top logs port 'exec' 'stats --no-stream --format {{.Name}}' diff; do [ "$x" = restart ] && continue; t ${x/exec/exec} $T $([ "$x" = exec ] && echo true); done
t start $T; t start $T $T; t start -a $T & sleep 0.5; t pause $T; t pause $T; t stop -t 0 $T; t start $T; t pause $T; t exec $T true; t restart -t 0 $T; t unpause $T; t pause $T; t kill $T; t start $T; t pause $T; t rm $T; t rm -f $T; waitall
docker create --name $T $IMG sh -c 'exit 3' >/dev/null; t start $T; t wait $T; t start -a $T; t start -ai $T </dev/null; t start -a $T $T; t restart $T; t wait $T nosuch; t rm $T $T; t rm; t rm nosuch nosuch2; t rm -f nosuch; t rm -l nosuch; t rm -l a/b; t rm -v nosuch
#@ rename
box $T; box ${T}2; t rename $T $T; t rename $T ${T}2; t rename $T ''; t rename $T 'a b'; t rename nosuch x; t rename $T; t rename $T /${T}3; t ps --format '{{.Names}}'; t rename ${T}3 $T; t rename $T _x
#@ update
box $T
for o in '--memory 1' '--memory 64m' '--memory 32m --memory-swap 16m' '--memory-swap 1g' '--memory-reservation 99g' '--cpus 99' '--cpus 0.5' '--cpu-quota 5' '--cpuset-cpus 99' '--cpuset-cpus x' '--pids-limit -7' '--pids-limit 5' '--restart bogus' '--restart on-failure:2' '--restart always' '--kernel-memory 5m' '--blkio-weight 5' '--cpu-shares 5' '--cpu-period 5' '--cpu-rt-runtime 5' ''; do t update $o $T; docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.MemoryReservation}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.HostConfig.CpusetCpus}} {{json .HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.CpuShares}}' $T; done
t update --cpus 1 nosuch $T
docker run -d --rm --name ${T}r $IMG sleep 60 >/dev/null; t update --restart always ${T}r
docker create --name ${T}c $IMG true >/dev/null; t update --memory 64m ${T}c; t update --cpu-quota 5000 --cpus 1 ${T}c
