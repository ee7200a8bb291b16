#@ errors-1
c --memory 4g --memory-swap 1g $IMG true
c --memory-swappiness 101 $IMG true
c --memory-swappiness -2 $IMG true
c --blkio-weight 5 $IMG true
c --blkio-weight-device /dev/nosuch:100 $IMG true
c --device-read-bps /dev/nosuch:1mb $IMG true
c --device-read-iops /dev/nosuch:10 $IMG true
c --device nosuch $IMG true
c --device /dev/null:/dev/x:bogus $IMG true
c --device-cgroup-rule bogus $IMG true
c --device-cgroup-rule 'c 1:3 rwm' $IMG true
c --shm-size bogus $IMG true
c --shm-size -1 $IMG true
c --shm-size 0 $IMG true
c --ulimit bogus $IMG true
c --ulimit nofile=x $IMG true
c --ulimit nofile=20:10 $IMG true
c --ulimit bogus=1:2 $IMG true
c --ulimit nofile=1:2:3 $IMG true
c --kernel-memory 1m $IMG true
c --kernel-memory 32m $IMG true
c --oom-kill-disable $IMG true
c --stop-signal bogus $IMG true
c --stop-timeout -5 $IMG true
c --user 'a:b:c' $IMG true
c --workdir rel $IMG true
c --entrypoint '' $IMG
c --hostname 'a b' $IMG true
c --domainname x.y $IMG true
c --name bad/name $IMG true
c --add-host bogus $IMG true
c --add-host a:notip $IMG true
c --add-host a:host-gateway $IMG true
c --dns 1.1.1.1 --dns-search . --dns-option x $IMG true
c --link-local-ip bogus $IMG true
c --ip 1.2.3 $IMG true
c --ip 172.17.0.9 $IMG true
c --ip6 bogus $IMG true
c --mac-address 00:11 $IMG true
c --network-alias x $IMG true
c --network bridge --network-alias x $IMG true
c --network none --ip 1.2.3.4 $IMG true
c --network host -p 80:80 $IMG true
c --network host --mac-address 02:42:ac:11:00:02 $IMG true
c --network host --hostname x $IMG true
c --network none --link x $IMG true
c --network container: $IMG true
c --network container:nosuch $IMG true
c --network host --network none $IMG true
c --network bogus:x $IMG true
#@ errors-2
c -v rel:/x:ro:z:q $IMG true
c -v a:b $IMG true
c -v '/a:/b:bogus' $IMG true
c -v '/a:/b:ro,rw' $IMG true
c -v '/a:/b:z,Z' $IMG true
c -v '/a:/b:rshared,rslave' $IMG true
c -v '/nosuchdir:/b:ro' $IMG true
c -v ':/b' $IMG true
c -v '/a:' $IMG true
c -v '/:/..' $IMG true
c -v '/a:/' $IMG true
c -v 'x/y:/b' $IMG true
c -v '-a:/b' $IMG true
c -v 'a:/b' -v 'b:/b' $IMG true
c -v '/tmp:/b' --tmpfs /b $IMG true
c --tmpfs rel $IMG true
c --tmpfs /x:bogus $IMG true
c --tmpfs /x:size=bogus $IMG true
c --tmpfs /x:rw,size=1m,mode=1777 $IMG true
c --mount type=bogus,target=/x $IMG true
c --mount type=bind,target=/x $IMG true
c --mount type=bind,source=/tmp $IMG true
c --mount type=bind,source=rel,target=/x $IMG true
c --mount type=bind,source=/nosuchdir,target=/x $IMG true
c --mount type=bind,source=/tmp,target=rel $IMG true
c --mount type=bind,source=/tmp,target=/x,bogus=1 $IMG true
c --mount type=bind,source=/tmp,target=/x,bogus $IMG true
c --mount type=bind,source=/tmp,target=/x,readonly=maybe $IMG true
c --mount type=bind,source=/tmp,target=/x,bind-propagation=bogus $IMG true
c --mount type=bind,source=/tmp,target=/x,bind-nonrecursive $IMG true
c --mount type=bind,source=/tmp,target=/x,bind-recursive=bogus $IMG true
c --mount type=bind,source=/tmp,target=/x,bind-recursive=readonly $IMG true
c --mount type=bind,source=/tmp,target=/x,volume-nocopy $IMG true
c --mount type=bind,source=/tmp,target=/x,tmpfs-size=1m $IMG true
c --mount type=tmpfs,source=/tmp,target=/x $IMG true
c --mount type=tmpfs,target=/x,tmpfs-mode=bogus $IMG true
c --mount type=tmpfs,target=/x,tmpfs-size=bogus $IMG true
c --mount type=tmpfs,target=/x,tmpfs-size=1m,tmpfs-mode=1770 $IMG true
c --mount type=volume,target=/x,volume-opt=a $IMG true
c --mount type=volume,target=/x,volume-driver=nosuch $IMG true
c --mount type=volume,source=a/b,target=/x $IMG true
c --mount type=volume,source=${T}v,target=/x,volume-label=a=b,readonly $IMG true
c --mount type=volume,target=/ $IMG true
c --mount type=npipe,source=x,target=/x $IMG true
c --mount type=cluster,source=x,target=/x $IMG true
c --mount target=/x $IMG true
c --mount /x $IMG true
c --mount '' $IMG true
c --mount type=bind,source=/tmp,target=/x --mount type=bind,source=/etc,target=/x $IMG true
c --volumes-from nosuch $IMG true
c --volumes-from nosuch:bogus $IMG true
c --volume-driver nosuch -v a:/b $IMG true
c --storage-opt size=1g $IMG true
c --storage-opt bogus $IMG true
#@ errors-3
c --restart no:3 $IMG true
c --restart always:3 $IMG true
c --restart on-failure:-3 $IMG true
c --restart unless-stopped:x $IMG true
c --rm --restart always $IMG true
c --health-interval 1us --health-cmd x $IMG true
c --health-interval -1s --health-cmd x $IMG true
c --health-interval 5 --health-cmd x $IMG true
c --health-retries -1 --health-cmd x $IMG true
c --health-timeout 1ns --health-cmd x $IMG true
c --health-start-period 1us --health-cmd x $IMG true
c --health-start-interval 1us --health-cmd x $IMG true
c --no-healthcheck --health-cmd x $IMG true
c --cgroupns bogus $IMG true
c --cgroup-parent x/y $IMG true
c --userns bogus $IMG true
c --userns host $IMG true
c --ipc container:nosuch $IMG true
c --ipc container: $IMG true
c --pid container:nosuch $IMG true
c --pid container: $IMG true
c --uts container:x $IMG true
c --log-driver bogus $IMG true
c --log-driver none --log-opt a=b $IMG true
c --log-opt bogus=1 $IMG true
c --log-opt max-size=bogus $IMG true
c --log-opt max-size=10m --log-opt max-file=0 $IMG true
c --log-opt max-file=x $IMG true
c --log-opt mode=bogus $IMG true
c --log-opt mode=blocking --log-opt max-buffer-size=1m $IMG true
c --log-opt max-buffer-size=x --log-opt mode=non-blocking $IMG true
c --log-driver local --log-opt compress=maybe $IMG true
c --log-driver local --log-opt bogus=1 $IMG true
c --log-driver json-file --log-opt compress=true $IMG true
c --log-driver json-file --log-opt compress=true --log-opt max-size=1m --log-opt max-file=2 $IMG true
c --log-driver syslog --log-opt syslog-address=bogus $IMG true
c --log-driver syslog --log-opt syslog-facility=bogus $IMG true
c --log-driver syslog --log-opt syslog-format=bogus $IMG true
c --log-driver fluentd --log-opt fluentd-address=bogus://x $IMG true
c --log-driver gelf $IMG true
c --log-driver gelf --log-opt gelf-address=x $IMG true
c --log-driver splunk $IMG true
c --log-driver awslogs $IMG true
c --log-driver journald --log-opt bogus=1 $IMG true
c --security-opt seccomp=/nosuch $IMG true
c --security-opt apparmor=nosuch $IMG true
c --security-opt label=bogus $IMG true
c --security-opt label:disable $IMG true
c --security-opt no-new-privileges=maybe $IMG true
c --security-opt no-new-privileges $IMG true
c --security-opt systempaths=bogus $IMG true
c --security-opt systempaths=unconfined $IMG true
c --sysctl net.ipv4.ip_forward=1 --network host $IMG true
c --sysctl kernel.msgmax=1 --ipc host $IMG true
c --sysctl kernel.bogus=1 $IMG true
c --sysctl kernel.hostname=x $IMG true
c --cap-add ALL --cap-drop ALL $IMG true
c --cap-add cap_net_admin $IMG true
c --cap-add net_admin,sys_time $IMG true
c --gpus all $IMG true
c --gpus bogus=1 $IMG true
c --runtime runc $IMG true
c --runtime io.containerd.runc.v2 $IMG true
c --platform linux/arm64 $IMG true
c --platform bogus $IMG true
c --platform linux/amd64/v9 $IMG true
c --pull bogus $IMG true
c --pull never nosuch true
c --env-file nosuch $IMG true
c --label-file nosuch $IMG true
c -e =x $IMG true
c -e '' $IMG true
c -l =x $IMG true
c --cidfile /nosuch/x $IMG true
c UPPER true
c '' true
c a:b:c true
c $IMG@sha256:00 true
c sha256:nothex true
c
c --attach bogus $IMG true
c -a stdin -a stdout $IMG true
c --expose x $IMG true
c --expose 80/bogus $IMG true
c --expose 90-80 $IMG true
c -p '' $IMG true
c -p 80:80:80:80 $IMG true
c -p 0:80 $IMG true
c -p :80 $IMG true
c -p 80-81:80 $IMG true
c -p 80:80-81 $IMG true
c -p '[::1]:80:80' $IMG true
c -p 127.0.0.1::80/udp $IMG true
c -p 80/sctp $IMG true
c -p x:80:80 $IMG true
c -p published=8080,target=80 $IMG true
#@ shows
show '{{json .HostConfig.Ulimits}}' --ulimit nofile=10:20 --ulimit core=-1 --ulimit nproc=unlimited $IMG
show '{{json .HostConfig.Ulimits}}' --ulimit nofile=10 $IMG
show '{{json .HostConfig.PortBindings}} {{json .Config.ExposedPorts}}' -p 80 -p 81:82/udp -p 127.0.0.1:90-91:90-91 --expose 5-7 $IMG
show '{{json .HostConfig.Binds}} {{json .HostConfig.Mounts}} {{json .Config.Volumes}}' -v /tmp:/a:ro -v /b -v ${T}v:/c:nocopy --mount type=tmpfs,target=/d,tmpfs-size=1m $IMG
show '{{range .Mounts}}{{.Type}} {{.Destination}} {{.Mode}} {{.RW}} {{.Propagation}} {{.Driver}}|{{end}}' -v /tmp:/a:ro,rslave -v ${T}v:/c:nocopy,z --mount type=volume,source=${T}v,target=/d,readonly --mount type=bind,source=/tmp,target=/e,bind-propagation=shared $IMG
show '{{json .Config.Env}}' -e A=b -e HOME -e NOSUCHVAR -e B= $IMG
show '{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Path}} {{json .Args}}' --entrypoint /bin/echo $IMG a b
show '{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Path}} {{json .Args}}' $IMG
show '{{json .Config.Healthcheck}} {{json .State}}' --health-cmd 'a b' --health-interval 5s --health-retries 2 --health-start-period 1s --health-timeout 2s --health-start-interval 1s $IMG
show '{{json .Config.Healthcheck}}' --no-healthcheck $IMG
show '{{json .HostConfig.RestartPolicy}}' --restart on-failure:3 $IMG
show '{{json .HostConfig.RestartPolicy}}' --restart unless-stopped $IMG
show '{{json .HostConfig.LogConfig}}' --log-driver local --log-opt max-size=1m --log-opt tag=x $IMG
show '{{json .HostConfig.Devices}} {{json .HostConfig.DeviceCgroupRules}}' --device /dev/null --device /dev/zero:/dev/x:r --device-cgroup-rule 'c 1:* rwm' $IMG
show '{{json .HostConfig.CapAdd}} {{json .HostConfig.CapDrop}} {{json .HostConfig.SecurityOpt}}' --cap-add net_admin --cap-add CAP_SYS_TIME --cap-drop all --security-opt no-new-privileges $IMG
show '{{json .HostConfig.MaskedPaths}} {{json .HostConfig.ReadonlyPaths}}' --security-opt systempaths=unconfined $IMG
show '{{json .HostConfig.ReadonlyPaths}}' $IMG
show '{{json .HostConfig.MaskedPaths}} {{json .HostConfig.SecurityOpt}} {{.AppArmorProfile}}' --privileged $IMG
show '{{json .HostConfig.Dns}} {{json .HostConfig.DnsSearch}} {{json .HostConfig.DnsOptions}} {{json .HostConfig.ExtraHosts}}' --dns 1.1.1.1 --dns-search a --dns-option ndots:1 --add-host a:1.2.3.4 --add-host b=::1 $IMG
show '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.MemoryReservation}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.CpusetCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.ShmSize}} {{.HostConfig.OomScoreAdj}} {{.HostConfig.OomKillDisable}} {{.HostConfig.MemorySwappiness}}' -m 64m --memory-reservation 32m --cpus 0.5 --cpu-shares 10 --cpuset-cpus 0 --pids-limit 10 --shm-size 1m --oom-score-adj 5 $IMG
show '{{.HostConfig.IpcMode}} {{.HostConfig.PidMode}} {{.HostConfig.UTSMode}} {{.HostConfig.UsernsMode}} {{.HostConfig.CgroupnsMode}} {{.HostConfig.NetworkMode}}' --ipc shareable --pid host --uts host --cgroupns host --network host $IMG
show '{{.HostConfig.IpcMode}} {{.HostConfig.PidMode}} {{.HostConfig.UTSMode}} {{.HostConfig.UsernsMode}} {{.HostConfig.CgroupnsMode}} {{.HostConfig.NetworkMode}} {{.HostConfig.Init}} {{.HostConfig.Runtime}} {{.HostConfig.Isolation}}' $IMG
show '{{.HostConfig.Init}} {{json .HostConfig.Tmpfs}} {{json .HostConfig.Sysctls}} {{.HostConfig.ReadonlyRootfs}} {{json .HostConfig.StorageOpt}}' --init --tmpfs /a:size=1m --sysctl net.ipv4.ip_forward=1 --read-only $IMG
show '{{json .Config.Labels}} {{.Config.StopSignal}} {{json .Config.StopTimeout}} {{.Config.User}} {{.Config.WorkingDir}} {{.Config.Hostname}} {{.Config.Domainname}}' -l b=c -l a --stop-signal 9 --stop-timeout 5 -u 1:2 -w /x -h hh --domainname dd $IMG
show '{{.Config.AttachStdin}} {{.Config.AttachStdout}} {{.Config.AttachStderr}} {{.Config.OpenStdin}} {{.Config.StdinOnce}} {{.Config.Tty}}' -i -t $IMG
show '{{.Config.AttachStdin}} {{.Config.AttachStdout}} {{.Config.AttachStderr}} {{.Config.OpenStdin}} {{.Config.StdinOnce}} {{.Config.Tty}}' -a stderr $IMG
show '{{json .NetworkSettings}}' --network none $IMG
show '{{json .NetworkSettings}}' --mac-address 02:42:ac:11:00:05 $IMG
show '{{json .HostConfig}}' $IMG
show '{{json .Config}}' $IMG
show '{{json .GraphDriver.Name}} {{json .ExecIDs}} {{.Platform}} {{.Driver}} {{.MountLabel}} {{.ProcessLabel}} {{.RestartCount}} {{.HostnamePath}} {{.Created}}' $IMG
