f() { cat > Dockerfile; }
df() { echo "--- $1"; printf "$1" > Dockerfile; b -q -t $T:b . 2>&1; }
mkdir -p dir/sub; echo 1 > one; echo 2 > dir/two; ln -s one lnk
#@ errors
for x in '' '#c\n' 'FROM\n' 'FROM a b\n' 'FROM nosuch:x\n' 'FROM UPPER\n' 'RUN x\n' 'FROM bb:latest\nBOGUS x\n' 'FROM bb:latest\nRUN\n' 'FROM bb:latest\nRUN exit 3\n' 'FROM bb:latest\nRUN ["nosuch"]\n' 'FROM bb:latest\nRUN nosuch\n' 'FROM bb:latest\nCOPY nosuch /\n' 'FROM bb:latest\nCOPY one\n' 'FROM bb:latest\nCOPY ../x /\n' 'FROM bb:latest\nCOPY one dir /x\n' 'FROM bb:latest\nCOPY one /etc/passwd/\n' 'FROM bb:latest\nCOPY nosuch* /x/\n' 'FROM bb:latest\nCOPY --from=nosuch a /\n' 'FROM bb:latest\nCOPY --from=5 a /\n' 'FROM bb:latest\nCOPY --bogus a /\n' 'FROM bb:latest\nCOPY --chown=nosuch one /\n' 'FROM bb:latest\nCOPY --chown=0:nosuch one /\n' 'FROM bb:latest\nCOPY --chmod=755 one /\n' 'FROM bb:latest\nCOPY --link one /\n' 'FROM bb:latest\nRUN --mount=type=cache,target=/x true\n' 'FROM bb:latest\nRUN --network=none true\n' 'FROM bb:latest\nADD http://127.0.0.1:1/x /\n' 'FROM bb:latest\nADD bogus://x /y\n' 'FROM bb:latest\nADD http://127.0.0.1:1/ /\n' 'FROM bb:latest\nENV\n' 'FROM bb:latest\nENV x\n' 'FROM bb:latest\nENV =x\n' 'FROM bb:latest\nENV a=b c\n' 'FROM bb:latest\nLABEL x\n' 'FROM bb:latest\nLABEL\n' 'FROM bb:latest\nEXPOSE\n' 'FROM bb:latest\nEXPOSE x\n' 'FROM bb:latest\nEXPOSE 80/x\n' 'FROM bb:latest\nUSER\n' 'FROM bb:latest\nUSER a b\n' 'FROM bb:latest\nWORKDIR\n' 'FROM bb:latest\nVOLUME\n' 'FROM bb:latest\nVOLUME [""]\n' 'FROM bb:latest\nSTOPSIGNAL\n' 'FROM bb:latest\nSTOPSIGNAL bogus\n' 'FROM bb:latest\nHEALTHCHECK\n' 'FROM bb:latest\nHEALTHCHECK x\n' 'FROM bb:latest\nHEALTHCHECK CMD\n' 'FROM bb:latest\nHEALTHCHECK NONE x\n' 'FROM bb:latest\nHEALTHCHECK --interval=x CMD a\n' 'FROM bb:latest\nHEALTHCHECK --interval=1us CMD a\n' 'FROM bb:latest\nHEALTHCHECK --retries=-1 CMD a\n' 'FROM bb:latest\nHEALTHCHECK --retries=x CMD a\n' 'FROM bb:latest\nHEALTHCHECK --bogus=1 CMD a\n' 'FROM bb:latest\nSHELL x\n' 'FROM bb:latest\nSHELL []\n' 'FROM bb:latest\nONBUILD\n' 'FROM bb:latest\nONBUILD FROM x\n' 'FROM bb:latest\nONBUILD ONBUILD RUN x\n' 'FROM bb:latest\nONBUILD MAINTAINER x\n' 'FROM bb:latest\nMAINTAINER\n' 'FROM bb:latest\nARG\n' 'FROM bb:latest\nARG a b c=\n' 'ARG x\nFROM $x\n' 'ARG x=bb\nFROM $x:latest AS 1x\n' 'FROM bb:latest AS a\nFROM bb:latest AS a\nRUN true\n' 'FROM bb:latest AS\n' 'FROM bb:latest AS a b\n' 'FROM --platform=bogus bb:latest\n' 'FROM --platform=linux/arm64 bb:latest\n' 'FROM --bogus=1 bb:latest\n' 'FROM bb:latest\nRUN <<E\necho\nE\n' '# escape=x\nFROM bb:latest\n' '# escape=`\nFROM bb:latest\nRUN echo `\n a\n' 'FROM bb:latest\nENV a=${b:?err}\n' 'FROM bb:latest\nENV a=${b\n' 'FROM bb:latest\nENV a=${b:%%c}\n' 'FROM bb:latest\nCOPY ["one", "/x"\n' 'FROM bb:latest\nCMD ["a"\n' 'FROM bb:latest\nENTRYPOINT\n' 'FROM bb:latest\nCMD\n' 'FROM scratch\n' 'FROM scratch\nRUN x\n' 'FROM scratch\nCOPY one /\n' 'FROM bb:latest\nUSER nosuch\nRUN id\n' 'FROM bb:latest\nWORKDIR /etc/passwd\nRUN pwd\n' 'FROM bb:latest\nSHELL ["nosuch"]\nRUN x\n' 'FROM bb:latest\nADD one two /x\n' 'FROM bb:latest\nCOPY . /etc/passwd\n' 'from bb:latest\nrun true\n' 'FROM bb:latest\nRUN true \\\n' 'FROM bb:latest\n\\\nRUN true\n' 'FROM bb:latest\nRUN echo a \\\n\n# c\n && echo b\n'; do df "$x" | grep -v '^sha256'; done
#@ cli-errors
printf 'FROM bb:latest\nARG A=1\nRUN echo $A $B\nLABEL x=y\n' > Dockerfile
b; b nosuch; b -f nosuch .; b -f ../x .; b --build-arg A=2 -t $T:x .; b --build-arg B=2 -q . | sed 's/^sha.*/ID/'; b --target nosuch .; b --network nosuch .; b --network none -q . | sed 's/^sha.*/ID/'; b -t UPPER .; b -t a:b:c .; b --label a=b -q -t $T:l . | sed 's/^sha.*/ID/'; docker image inspect -f '{{json .Config.Labels}}' $T:l; b --memory 1m .; b --shm-size x .; b --ulimit bogus .; b --cpuset-cpus x .; b --add-host x .; b --isolation bogus .; b --platform bogus .; b --squash .; b --security-opt x .; b --cache-from nosuch -q . | sed 's/^sha.*/ID/'; b --no-cache --rm=false -q . | sed 's/^sha.*/ID/'; b --iidfile /nosuch/x -q .; b --iidfile iid -q . >/dev/null; wc -c < iid; b - < Dockerfile; b - </dev/null; tar c Dockerfile | b -; tar c one | b -; echo bogus | b -; b http://127.0.0.1:1/x; b -f Dockerfile -f x .; b --pull .; b --ssh x .; b --secret id=x .; b --output x .; b --progress bogus .; echo 'nosuch*' > .dockerignore; b -q . | sed 's/^sha.*/ID/'; echo Dockerfile > .dockerignore; b -q . | sed 's/^sha.*/ID/'; echo '[' > .dockerignore; b -q .; rm .dockerignore; b . ; b -t $T:1 -t $T:2 .; docker image inspect -f '{{.RepoTags}}' $T:1
#@ instr
cat > Dockerfile <<'X'
FROM bb:latest AS base
ARG V=1
ENV A=a B="b c" C=$V
ENV D e f
LABEL l1="x y" l2=z
LABEL l1=over
WORKDIR /w
WORKDIR sub
COPY one dir /w/
COPY dir/ ./d2/
COPY lnk o* /g/
ADD dir /dd
EXPOSE 80 81/udp
VOLUME /v1 /v2
USER nobody
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --retries=2 CMD ["x"]
SHELL ["/bin/sh","-ec"]
ENTRYPOINT ["e"]
CMD c d
MAINTAINER me
ONBUILD RUN true
X
b -t $T:i .; docker image inspect -f '{{json .Config}}' $T:i | jq -S 'del(.Image,.Hostname)'; docker history --no-trunc --format '{{.CreatedBy}}|{{.Size}}' $T:i; docker run --rm --entrypoint find $T:i /w /g /dd ! -type l | sort; b -t $T:i2 . | grep -c 'Using cache'; printf "FROM $T:i\n" > Dockerfile; b .; printf 'FROM bb:latest\nRUN echo out; echo err >&2\nRUN exit 4\n' > Dockerfile; b .; printf 'FROM bb:latest AS a\nRUN echo 1 > /x\nFROM bb:latest\nCOPY --from=a /x /y\nCOPY --from=0 /x /z\nCOPY --from=bb:latest /etc/passwd /p\n' > Dockerfile; b -t $T:m .; b --target a .
