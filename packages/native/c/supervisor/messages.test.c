/* The daemon's messages to a supervisor: which argument becomes which member, and what is refused. */
#include "supervisor/messages.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static struct error err;

static int decode(const struct field *fields, void *request, int argc, const char **argv) {
  struct launch_record record = {.argc = argc, .argv = argv};
  err = (struct error){0};
  return fields_decode("launch", fields, &record, request, NULL, &err);
}
#define DECODE(fields, request, ...) \
  decode(fields, request, (int) (sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__, NULL})

static void check_refused(const char *reason) {
  CHECK(err.status == EINVAL && !strcmp(err.stage, "launch") && strstr(err.message, reason) == err.message);
}

static void a_start_by_its_keys(void) {
  struct start_message start = {0};
  CHECK(DECODE(start_fields, &start, "start", "terminal=1", "folder=/run/a=b", "id=c1") == 0);
  CHECK(!strcmp(start.id, "c1") && !strcmp(start.directory, "/run/a=b"));
  CHECK(start.terminal == 1 && start.open_stdin == 0 && start.stdin_once == 0);
  start = (struct start_message){0};
  CHECK(DECODE(start_fields, &start, "start", "open-stdin=1", "stdin-once=1") == 0);
  CHECK(start.open_stdin == 1 && start.stdin_once == 1 && start.terminal == 0 && !start.id);
  CHECK(DECODE(start_fields, &start, "start", "c1") < 0);
  check_refused("start: unknown argument c1");
  CHECK(DECODE(start_fields, &start, "start", "terminal=yes") < 0);
  check_refused("start: terminal is no number: yes");
}

static void clients(void) {
  struct client_message client = {0};
  CHECK(DECODE(client_fields, &client, "attach", "t1", "1", "0", "1", "1011") == 0);
  CHECK(!strcmp(client.token, "t1") && client.in == 1 && client.out == 0 && client.err == 1);
  CHECK(!strcmp(client.keys, "1011") && client.behind_log == 0);
  CHECK(DECODE(client_fields, &client, "attach", "t1", "0", "1", "0", "", "1") == 0 && client.behind_log == 1);
  CHECK(client.in == 0 && client.out == 1 && client.err == 0);
  CHECK(DECODE(client_fields, &client, "attach", "t1", "0", "1", "0") < 0);
  check_refused("attach: keys is missing");
  CHECK(DECODE(client_fields, &client, "attach", "t1", "0", "1", "0", "", "1", "2") < 0);
  check_refused("attach: unknown argument 2");
}

static void an_exec(void) {
  struct exec_message exec = {0};
  CHECK(DECODE(exec_fields, &exec, "exec", "e1", "1", "t1", "0", "1", "0", "11") == 0);
  CHECK(!strcmp(exec.id, "e1") && exec.terminal == 1 && !strcmp(exec.client.token, "t1"));
  CHECK(exec.client.in == 0 && exec.client.out == 1 && exec.client.err == 0 && !strcmp(exec.client.keys, "11"));
  CHECK(DECODE(exec_fields, &exec, "exec", "e1", "1", "t1", "0", "1", "x", "11") < 0);
  check_refused("exec: err is no number: x");
}

static void a_log(void) {
  struct log_message log = {0};
  CHECK(DECODE(log_fields, &log, "log", "local", "/l", "4294967296", "5", "1", "{}", "/p", "7") == 0);
  CHECK(!strcmp(log.driver, "local") && !strcmp(log.path, "/l") && log.max_size == 4294967296 && log.max_file == 5);
  CHECK(log.compress == 1 && !strcmp(log.attrs, "{}") && !strcmp(log.position, "/p") && log.limit == 7);
  CHECK(DECODE(log_fields, &log, "log", "local", "/l", "1", "5", "1", "", "") < 0);
  check_refused("log: limit is missing");
}

static void requests(void) {
  union control_message asked = {0};
  CHECK(DECODE(signal_fields, &asked, "kill", "3", "15") == 0 && asked.kill.signal == 15);
  CHECK(DECODE(resize_fields, &asked, "resize", "3", "24", "80") == 0);
  CHECK(asked.resize.rows == 24 && asked.resize.columns == 80 && !strcmp(asked.resize.sequence, "3"));
  CHECK(DECODE(exec_signal_fields, &asked, "exec-kill", "3", "e1", "9") == 0);
  CHECK(!strcmp(asked.exec_kill.exec, "e1") && asked.exec_kill.signal == 9);
  CHECK(DECODE(exec_resize_fields, &asked, "exec-resize", "3", "e1", "24", "80") == 0);
  CHECK(!strcmp(asked.exec_resize.exec, "e1") && asked.exec_resize.rows == 24 && asked.exec_resize.columns == 80);
  CHECK(DECODE(signal_fields, &asked, "kill", "3") < 0);
  check_refused("kill: signal is missing");
  CHECK(DECODE(signal_fields, &asked, "kill", "3", "") < 0);
  check_refused("kill: signal is no number");
}

static void notices_and_requests_without_arguments(void) {
  union control_message asked = {0};
  CHECK(DECODE(seen_fields, &asked, "exec-seen", "e1") == 0 && !strcmp(asked.exec_seen.exec, "e1"));
  CHECK(DECODE(seen_fields, &asked, "exec-seen") < 0);
  check_refused("exec-seen: exec is missing");
  asked = (union control_message){0};
  CHECK(DECODE(plain_fields, &asked, "log-reopen", "7") == 0 && !strcmp(asked.plain.sequence, "7"));
  /* What is refused is answered, by its sequence. */
  asked = (union control_message){0};
  CHECK(DECODE(resize_fields, &asked, "resize", "8", "many", "80") < 0 && !strcmp(asked.plain.sequence, "8"));
}

int main(void) {
  a_start_by_its_keys();
  clients();
  an_exec();
  a_log();
  requests();
  notices_and_requests_without_arguments();
  return 0;
}
