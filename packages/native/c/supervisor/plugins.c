#include <string.h>

#include "supervisor/core.h"

static struct supervisor_plugin *plugins;

void supervisor_register(struct supervisor_plugin *plugin) {
  plugin->next = plugins;
  plugins = plugin;
}

const struct supervisor_plugin *plugin_find(const char *record) {
  const struct supervisor_plugin *plugin = plugins;
  while (plugin && strcmp(plugin->record, record) != 0) plugin = plugin->next;
  return plugin;
}

int plugins_launch(struct supervisor *supervisor, const struct launch *launch, struct error *err) {
  for (size_t i = 0; i < launch->count; i++) {
    const struct supervisor_plugin *plugin = plugin_find(launch->records[i].argv[0]);
    if (plugin && plugin->launch && plugin->launch(supervisor, &launch->records[i], err) < 0) return -1;
  }
  return 0;
}

void plugins_stop(struct supervisor *supervisor) {
  for (const struct supervisor_plugin *plugin = plugins; plugin; plugin = plugin->next) {
    if (plugin->stop) plugin->stop(supervisor);
  }
}
