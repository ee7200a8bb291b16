import type { DeliveryRecord } from './record.ts';
import type { Sink } from './sink.ts';

/** The sink of a record. @throws Error with dockerd's text for options that are wrong */
export async function openSink(record: DeliveryRecord): Promise<Sink> {
  switch (record.driver) {
    case 'syslog':
      return (await import('../sinks/syslog.ts')).syslogSink(record);
    case 'gelf':
      return (await import('../sinks/gelf.ts')).gelfSink(record);
    case 'fluentd':
      return (await import('../sinks/fluentd.ts')).fluentdSink(record);
    case 'journald':
      return (await import('../sinks/journald.ts')).journaldSink(record);
    case 'splunk':
      return (await import('../sinks/splunk.ts')).splunkSink(record);
    case 'awslogs':
      return (await import('../sinks/awslogs.ts')).awslogsSink(record);
    default:
      throw new Error(`no log driver named '${record.driver}' is registered`);
  }
}
