docker run --name $T $IMG sh -c 'echo o1; echo e1 >&2; echo o2; printf part' >/dev/null 2>&1
#@ options
t logs $T; docker logs $T 2>/dev/null; docker logs $T 2>&1 >/dev/null; for o in '-n 1' '-n 0' '-n all' '-n -1' '-n x' '--tail 2' '--since 1h' '--since x' '--until 1s' '--until x' '--since 2030-01-01' '--since 0' '--since 1.5' '--until 2000-01-01T00:00:00Z' '-t' '--details' '--details -t' '-f' '-f -n 1' '--bogus' '--since 10m --until 5m' '--since -5m'; do t logs $o $T; done
t logs; t logs nosuch; t logs $T $T; docker create --name ${T}c $IMG true >/dev/null; t logs ${T}c; t logs -f ${T}c & sleep 0.3; docker start ${T}c >/dev/null; wait %1 2>/dev/null
#@ details
docker run --name ${T}d -l a=b -l c=d -e E=f --log-opt labels=a,c --log-opt env=E --log-opt tag='{{.Name}}/{{.ImageName}}' $IMG echo hi; t logs --details ${T}d; docker run --name ${T}x -l com.x=1 -l y=2 --log-opt labels-regex='^com' --log-opt env-regex='^Q' -e QA=1 $IMG echo hi; t logs --details ${T}x; docker run --name ${T}b --log-opt tag='{{.Bogus}}' $IMG true; echo rc $?; docker run --name ${T}y --log-opt tag='{{' $IMG true; echo rc $?
for d in local none syslog fluentd; do docker run --name ${T}$d --log-driver $d $IMG sh -c 'echo a; echo b >&2' 2>&1; echo "rc $?"; t logs ${T}$d; done
docker run --name ${T}r --log-opt max-size=1k --log-opt max-file=2 $IMG sh -c 'seq 1 200'>/dev/null; docker logs ${T}r | head -1; docker logs ${T}r | tail -1; docker logs ${T}r | wc -l
docker run -t --name ${T}t $IMG sh -c 'echo a; echo b >&2'; docker logs ${T}t | od -c | head; docker run --name ${T}z $IMG sh -c 'printf "a\0b\n\n\nc\r\n\xff\n"' | od -c; docker logs ${T}z | od -c
docker run --name ${T}long $IMG sh -c 'head -c 40000 /dev/zero | tr "\0" x' >/dev/null; docker logs ${T}long | wc; docker logs -t ${T}long | wc -l; docker logs -n 1 ${T}long | wc
