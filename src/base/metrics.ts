/** Every Prometheus metric of the program by name: what dashboards read, so names never change. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** One registry for the process: whoever counts imports it, and whoever serves it asks it for the text. */
export const register = new Registry();
const registers = [register];

/** Memory, event-loop lag and the like, measured from now on. */
export const measureProcess = (): void => collectDefaultMetrics({ register });

export const metrics = {
  requests: new Counter({
    name: 'assetra_api_requests_total',
    help: 'Requests answered, by route pattern',
    labelNames: ['method', 'endpoint', 'status_code'],
    registers,
  }),
  requestDuration: new Histogram({
    name: 'assetra_api_request_duration_seconds',
    help: 'Time from request to answer',
    labelNames: ['method', 'endpoint'],
    buckets: seconds,
    registers,
  }),
  connections: new Gauge({ name: 'assetra_db_connections_active', help: 'Database connections in use', registers }),
  queryDuration: new Histogram({
    name: 'assetra_db_query_duration_seconds',
    help: 'Time of a statement in the database',
    buckets: seconds,
    registers,
  }),
  scans: new Counter({
    name: 'assetra_scans_total',
    help: 'Scans recorded by the API and by attached scanners',
    labelNames: ['source_type', 'status'],
    registers,
  }),
  syncItems: new Counter({
    name: 'assetra_sync_items_total',
    help: 'What apps sent to sync/, by what became of it',
    labelNames: ['list', 'status'],
    registers,
  }),
  jobs: new Counter({
    name: 'assetra_jobs_total',
    help: 'Jobs that were worked on, by what came of it',
    labelNames: ['kind', 'outcome'],
    registers,
  }),
  jobDuration: new Histogram({
    name: 'assetra_job_duration_seconds',
    help: 'Time of one attempt at a job',
    labelNames: ['kind'],
    buckets: seconds,
    registers,
  }),
  jobsPending: new Gauge({ name: 'assetra_jobs_pending', help: 'Jobs that are ready or under way', registers }),
  /** The same, by the name that dashboards of the older service read. */
  celeryPending: new Gauge({
    name: 'assetra_celery_pending_tasks',
    help: 'Jobs that are ready or under way',
    registers,
  }),
  jobsWaiting: new Gauge({ name: 'assetra_jobs_waiting', help: 'Jobs that wait for their time', registers }),
  jobsDead: new Gauge({ name: 'assetra_jobs_dead', help: 'Jobs that were given up', registers }),
  jobRunners: new Gauge({ name: 'assetra_job_runners', help: 'Runners of jobs that are there', registers }),
  auditFaults: new Gauge({
    name: 'assetra_audit_faults',
    help: 'Tenants whose history is not what was written, at the last checkpoint',
    registers,
  }),
  workflowRuns: new Counter({
    name: 'assetra_workflow_executions_total',
    help: 'Runs of workflows, by what became of them',
    labelNames: ['workflow_name', 'status'],
    registers,
  }),
  workflowDuration: new Histogram({
    name: 'assetra_workflow_execution_duration_seconds',
    help: 'Time of a run from its first step to its commit',
    labelNames: ['workflow_name'],
    buckets: seconds,
    registers,
  }),
  labels: new Counter({
    name: 'assetra_labels_rendered_total',
    help: 'Labels rendered',
    labelNames: ['format'],
    registers,
  }),
  printedLabels: new Counter({
    name: 'assetra_print_labels_total',
    help: 'Labels on their way to printers, by the state that they came to',
    labelNames: ['state'],
    registers,
  }),
  printersBlocked: new Gauge({
    name: 'assetra_printers_blocked',
    help: 'Printers that wait for somebody, by reason',
    labelNames: ['reason'],
    registers,
  }),
  labelsQueued: new Gauge({ name: 'assetra_print_labels_queued', help: 'Labels that no printer has yet', registers }),
  deliveries: new Counter({
    name: 'assetra_webhook_deliveries_total',
    help: 'Attempts to deliver a webhook, by what came of them',
    labelNames: ['endpoint_id', 'status'],
    registers,
  }),
  deliveryDuration: new Histogram({
    name: 'assetra_webhook_delivery_duration_seconds',
    help: 'Time from sending a webhook to its answer',
    labelNames: ['endpoint_id'],
    buckets: seconds,
    registers,
  }),
  deadLetters: new Counter({
    name: 'assetra_webhook_dead_letters_total',
    help: 'Deliveries given up',
    labelNames: ['endpoint_id'],
    registers,
  }),
  deliveriesInFlight: new Gauge({
    name: 'assetra_webhook_deliveries_in_flight',
    help: 'Webhooks sent by this process that wait for their answer',
    registers,
  }),
  redrives: new Counter({
    name: 'assetra_webhook_redrives_total',
    help: 'Dead letters sent once more because their endpoint works again',
    labelNames: ['endpoint_id'],
    registers,
  }),
  oldestDelivery: new Gauge({
    name: 'assetra_webhook_oldest_pending_seconds',
    help: 'How long the oldest pending delivery has waited',
    registers,
  }),
  openBreakers: new Gauge({
    name: 'assetra_webhook_breakers_open',
    help: 'Endpoints whose deliveries wait because most of them failed lately',
    registers,
  }),
  failingEndpoints: new Gauge({
    name: 'assetra_webhook_endpoints_failing',
    help: 'Active endpoints that have taken nothing for four hours or more',
    registers,
  }),
};
