/* Decoding of launch records: what becomes of each, and which are refused. */
#include "container/spec/spec.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "base/check.h"
#include "base/records/frame.h"

/* Launch records as they come over the wire. */
static struct launch parse(const struct buffer *wire) {
  struct launch launch;
  struct error err;
  CHECK(launch_parse(buffer_head(wire), buffer_size(wire), &launch, &err) == 0);
  return launch;
}

static void whole(struct buffer *wire) {
  frame_record(wire, "overlay", "/c/upper", "/c/work", NULL);
  frame_record(wire, "lower", "folder", "/l", NULL);
  frame_record(wire, "arg", "true", NULL);
}

/* Adds `record` (its last word is NULL) to a launch that is whole without it: the error has its name and these words. */
static void refused(enum spec_for what, const char *words, const char *name, ...) {
  struct buffer wire = {0};
  char bytes[1024];
  size_t length = 1;
  va_list list;
  whole(&wire);
  if (what == SPEC_FOR_EXEC) {
    wire.end = wire.start;
    frame_record(&wire, "arg", "true", NULL);
  }
  bytes[0] = 0;
  va_start(list, name);
  for (const char *word = name; word; word = va_arg(list, const char *)) {
    memcpy(bytes + length, word, strlen(word) + 1);
    length += strlen(word) + 1;
    bytes[0]++;
  }
  va_end(list);
  CHECK(buffer_append(&wire, bytes, length) == 0);
  struct launch launch = parse(&wire);
  struct container_spec *spec;
  struct error err = {0};
  CHECK(spec_decode(&launch, what, &spec, &err) < 0 && !spec);
  if (strcmp(err.stage, "launch") || !strstr(err.message, name) || !strstr(err.message, words)) {
    fprintf(stderr, "%s: %s: %s\n", name, err.stage, err.message);
    exit(1);
  }
  launch_free(&launch);
  buffer_free(&wire);
}
#define REFUSED(words, ...) refused(SPEC_FOR_START, words, __VA_ARGS__, NULL)

static void malformed_records(void) {
  REFUSED("unknown record", "mounts", "bind", "/a", "/b");
  REFUSED("of 0 arguments", "id");
  REFUSED("of 2 arguments", "id", "a", "b");
  REFUSED("unknown type", "namespace", "network");
  REFUSED("always its own", "namespace", "mnt", "/proc/1/ns/mnt");
  REFUSED("of 2 arguments", "uid-map", "0", "1000");
  REFUSED("no id", "uid-map", "0", "1000", "-1");
  REFUSED("no id", "gid-map", "0", "4294967296", "1");
  REFUSED("of 1 arguments", "lower", "folder");
  REFUSED("unknown kind", "lower", "squashfs", "/l");
  REFUSED("unknown kind", "image-lower", "/there", "tar", "/l");
  REFUSED("not in one directory", "overlay", "/a/upper", "/b/work");
  REFUSED("unknown option", "overlay", "/c/upper", "/c/work", "fast");
  REFUSED("unknown type", "mount", "nfs", "server", "/there");
  REFUSED("of 2 arguments", "mount", "bind", "/a");
  REFUSED("options", "mount", "bind", "/a", "/b", "size=1");
  REFUSED("options", "mount", "bind", "/a", "/b", "idmaps");
  REFUSED("maps of ids", "mount", "bind", "/a", "/b", "idmap=uids=0-1000-1");
  REFUSED("maps of ids", "mount", "bind", "/a", "/b", "idmap=uids=0-1000-0;gids=0-0-1");
  REFUSED("maps of ids", "mount", "bind", "/a", "/b", "ridmap=uids=0-1000-1#;gids=0-0-1");
  REFUSED("maps of ids", "mount", "bind", "/a", "/b", "ridmap=uids=0--1-1;gids=0-0-1");
  REFUSED("unknown type", "device", "/dev/x", "d", "1", "3", "666", "0", "0");
  REFUSED("unknown type", "device", "/dev/x", "", "1", "3", "666", "0", "0");
  REFUSED("mode", "device", "/dev/x", "c", "1", "3", "888", "0", "0");
  REFUSED("a number", "device", "/dev/x", "c", "one", "3", "666", "0", "0");
  REFUSED("right under /dev", "link", "/etc/x", "y");
  REFUSED("right under /dev", "link", "/dev/../x", "y");
  REFUSED("of 2 arguments", "mask", "/a", "/b");
  REFUSED("of 1 arguments", "sysctl", "net.x");
  REFUSED("unknown version", "cgroup", "3", "", "/c");
  REFUSED("too long", "cgroup", "1", "a name that has no room here", "/c");
  REFUSED("in the place of a file", "cgroup-write", "memory", "../memory.max", "1");
  REFUSED("unknown type", "device-rule", "x", "1", "3", "rwm");
  REFUSED("a number", "device-rule", "c", "-1", "3", "rwm");
  REFUSED("unknown access", "device-rule", "c", "1", "3", "rwx");
  REFUSED("of 1 arguments", "console-size", "24");
  REFUSED("unknown limit", "rlimit", "files", "1", "1");
  REFUSED("a number", "rlimit", "nofile", "1", "many");
  REFUSED("a number", "oom-score-adj", "low");
  REFUSED("of 4 arguments", "caps", "0", "0", "0", "0");
  REFUSED("a mask", "caps", "0", "0", "0", "0", "all");
  REFUSED("unknown flag", "seccomp", "/f", "kill");
  REFUSED("unknown option", "cwd", "/", "make");
  refused(SPEC_FOR_EXEC, "not for an exec", "mount", "bind", "/a", "/b", NULL);
}

static void what_cannot_be_missing(void) {
  static const char *const needed[] = {"overlay", "lower", "arg"};
  for (size_t i = 0; i < 3; i++) {
    struct buffer wire = {0};
    struct container_spec *spec;
    struct error err = {0};
    whole(&wire);
    struct launch launch = parse(&wire);
    struct launch_record *missing = NULL;
    for (size_t k = 0; k < launch.count; k++) {
      if (!strcmp(launch.records[k].argv[0], needed[i])) missing = &launch.records[k];
    }
    *missing = launch.records[--launch.count];
    CHECK(spec_decode(&launch, SPEC_FOR_START, &spec, &err) < 0 && strstr(err.message, needed[i]));
    launch_free(&launch);
    buffer_free(&wire);
  }
}

static void decoded(void) {
  struct buffer wire = {0};
  whole(&wire);
  frame_record(&wire, "id", "c1", NULL);
  frame_record(&wire, "namespace", "pid", "/proc/7/ns/pid", NULL);
  frame_record(&wire, "namespace", "net", NULL);
  frame_record(&wire, "uid-map", "0", "100000", "65536", NULL);
  frame_record(&wire, "lower", "erofs", "/i", "/b1", "/b2", NULL);
  frame_record(&wire, "image-lower", "/img", "folder", "/il", NULL);
  frame_record(&wire, "mount", "tmpfs", "shm", "/dev/shm", "nosuid", "size=64k", "ro", "mode=1777", NULL);
  frame_record(&wire, "mount", "bind", "/a", "/b", "rbind", "subpath=in/it", "rslave", NULL);
  frame_record(&wire, "mount", "proc", "proc", "/proc", "hidepid=2", NULL);
  frame_record(&wire, "device", "/dev/null", "c", "1", "3", "666", "0", "5", NULL);
  frame_record(&wire, "device-rule", "c", "10", "*", "rm", NULL);
  frame_record(&wire, "rlimit", "nofile", "10", "-1", NULL);
  frame_record(&wire, "caps", "a1", "a2", "a3", "a4", "a5", NULL);
  frame_record(&wire, "seccomp", "/f", "log", "spec-allow", NULL);
  frame_record(&wire, "env", "A=1", "B=2", NULL);
  frame_record(&wire, "arg", "x", "", NULL);
  frame_record(&wire, "env", "C=3", NULL);
  frame_record(&wire, "cwd", "/w", "create", NULL);
  struct launch launch = parse(&wire);
  cleanup_spec struct container_spec *s = NULL;
  struct error err = {0};
  CHECK(spec_decode(&launch, SPEC_FOR_START, &s, &err) == 0);

  CHECK(!strcmp(s->id, "c1") && !strcmp(s->user, "") && !strcmp(s->upper, "/c/upper") && !s->is_volatile && !s->init);
  CHECK(s->namespaces.count == 2 && s->namespaces.items[0].kind == NS_PID && !s->namespaces.items[1].path);
  CHECK(s->id_maps.users.count == 1 && s->id_maps.users.ranges[0].outside == 100000 && !s->id_maps.groups.count);
  CHECK(s->layers.count == 2 && !s->layers.items[0].erofs && !s->layers.items[0].blobs[0]);
  CHECK(s->layers.items[1].erofs && !strcmp(s->layers.items[1].blobs[1], "/b2") && !s->layers.items[1].blobs[2]);
  CHECK(s->image_layers.count == 1 && !strcmp(s->image_layers.items[0].destination, "/img"));
  CHECK(!strcmp(s->image_layers.items[0].path, "/il"));
  const struct mount_spec *m = s->mounts.items;
  CHECK(s->mounts.count == 3 && m[0].kind == MOUNT_TMPFS && m[0].options.set == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY));
  CHECK(!strcmp(m[0].data[0], "size=64k") && !strcmp(m[0].data[1], "mode=1777") && !m[0].data[2]);
  CHECK(m[1].options.recursive_bind && !strcmp(m[1].subpath, "in/it") && m[1].options.propagation == MS_SLAVE && !m[1].data[0]);
  CHECK(!strcmp(m[2].type, "proc") && !strcmp(m[2].data[0], "hidepid=2") && !m[2].data[1]);
  CHECK(s->devices.items[0].mode == (S_IFCHR | 0666) && s->devices.items[0].number == makedev(1, 3) &&
        s->devices.items[0].gid == 5);
  CHECK(s->device_rules.items[0].major == 10 && s->device_rules.items[0].minor == -1 && s->device_rules.items[0].access == 3);
  CHECK(s->rlimits.items[0].resource == RLIMIT_NOFILE && s->rlimits.items[0].limit.rlim_max == RLIM_INFINITY);
  CHECK(s->caps.bounding == 0xa1 && s->caps.ambient == 0xa5);
  CHECK(s->seccomp_flags == (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW));
  CHECK(s->env.count == 3 && !strcmp(s->env.words[2], "C=3") && !s->env.words[3]);
  CHECK(s->args.count == 3 && !strcmp(s->args.words[0], "true") && !s->args.words[2][0] && !s->args.words[3]);
  CHECK(!strcmp(s->cwd, "/w") && s->create_cwd);
  launch_free(&launch);
  buffer_free(&wire);
}

/* A launch for another runtime has its config, and needs no program of its own. */
static void foreign(void) {
  struct buffer wire = {0};
  frame_record(&wire, "overlay", "/c/upper", "/c/work", NULL);
  frame_record(&wire, "lower", "folder", "/l", NULL);
  frame_record(&wire, "runtime", "/bin/runc", "/b", "/b/fs", "--debug", NULL);
  frame_record(&wire, "config", "{\"user\":", "}", NULL);
  struct launch launch = parse(&wire);
  cleanup_spec struct container_spec *s = NULL;
  struct error err;
  CHECK(spec_decode(&launch, SPEC_FOR_START, &s, &err) == 0);
  CHECK(!strcmp(s->runtime[0], "/bin/runc") && !strcmp(s->runtime[3], "--debug") && !s->runtime[4]);
  CHECK(!strcmp(s->config_head, "{\"user\":") && !strcmp(s->config_tail, "}"));
  launch_free(&launch);
  buffer_free(&wire);
  REFUSED("not an absolute path", "runtime", "runc", "/b", "/b/fs");
  REFUSED("arguments", "runtime", "/runc", "/b");
  REFUSED("without a config record", "runtime", "/runc", "/b", "/b/fs");
  REFUSED("not an absolute path", "restore", "/image", "work");
  REFUSED("without a runtime record", "restore", "/image", "/work");
  REFUSED("arguments", "config", "{}");
  refused(SPEC_FOR_EXEC, "not for an exec", "runtime", "/runc", "/b", "/b/fs", NULL);
}

int main(void) {
  decoded();
  foreign();
  what_cannot_be_missing();
  malformed_records();
  return 0;
}
