/** The flow of an integrator's first day, as data: what `assetra smoke` does, and what the Postman collection holds. */

/** Values that steps fill in and leave; in a text as `{{name}}`. */
export type Variable =
  | 'baseUrl'
  | 'username'
  | 'password'
  | 'tenantId'
  | 'accessToken'
  | 'assetId'
  | 'barcodeValue'
  | 'webhookEndpointId';

export interface Step {
  name: string;
  about: string;
  method: 'GET' | 'POST';
  /** Below the base URL. */
  path: string;
  /** `{{$guid}}` is a new UUID; a text that is one variable alone becomes a number where it is one. */
  body?: object;
  status: number;
  /** What the answer must hold: dotted path → text with variables, or `*` for anything but null. */
  expect: Record<string, string>;
  /** Variable → dotted path in the answer. */
  keep?: Partial<Record<Variable, string>>;
}

export const steps: readonly Step[] = [
  {
    name: '01 Log in',
    about: 'Exchange user name and password for an access token',
    method: 'POST',
    path: '/api/v1/auth/token/',
    body: { username: '{{username}}', password: '{{password}}' },
    status: 200,
    expect: { access: '*', refresh: '*' },
    keep: { accessToken: 'access' },
  },
  {
    name: '02 Create an asset',
    about: 'An asset with a barcode of its own',
    method: 'POST',
    path: '/api/v1/assets/',
    body: {
      asset_tag: '{{barcodeValue}}',
      name: 'Smoke test',
      barcode_value: '{{barcodeValue}}',
      barcode_type: 'qr',
      status: 'active',
    },
    status: 201,
    expect: { id: '*', asset_tag: '{{barcodeValue}}', status: 'active' },
    keep: { assetId: 'id' },
  },
  {
    name: '03 Scan it',
    about: 'A scan event of that asset',
    method: 'POST',
    path: '/api/v1/scan-events/',
    body: {
      client_event_id: '{{$guid}}',
      asset: '{{assetId}}',
      symbology: 'qr',
      raw_value: '{{barcodeValue}}',
      source_type: 'camera',
    },
    status: 201,
    expect: { asset: '{{assetId}}', raw_value: '{{barcodeValue}}' },
  },
  {
    name: '04 Sync',
    about: 'A scan that was captured offline, and what changed meanwhile',
    method: 'POST',
    path: '/api/v1/sync/',
    body: {
      device_identifier: 'smoke-test',
      scan_events: [
        { client_event_id: '{{$guid}}', symbology: 'qr', raw_value: '{{barcodeValue}}', source_type: 'camera' },
      ],
      asset_changes: [],
      conflict_acknowledgements: [],
    },
    status: 200,
    expect: {
      server_time: '*',
      'accepted_scan_event_ids.0': '*',
      asset_changes: '*',
      conflict_strategy: 'last-write-wins-with-history',
    },
  },
  {
    name: '05 Register a webhook endpoint',
    about: 'An inbound one, for the next step',
    method: 'POST',
    path: '/api/v1/webhooks/',
    body: { name: 'Smoke test {{barcodeValue}}', direction: 'inbound', events: ['asset.updated'], is_active: true },
    status: 201,
    expect: { id: '*', direction: 'inbound' },
    keep: { webhookEndpointId: 'id' },
  },
  {
    name: '06 Receive an event',
    about: 'Another system reports something; the endpoint takes it',
    method: 'POST',
    path: '/api/v1/webhooks/inbound/',
    body: { endpoint_id: '{{webhookEndpointId}}', event_name: 'asset.updated', payload: { asset_id: '{{assetId}}' } },
    status: 202,
    expect: { delivery_id: '*', status: 'accepted' },
  },
  {
    name: '07 Validate a barcode',
    about: 'Whether a code keeps the rules of its symbology',
    method: 'POST',
    path: '/api/v1/barcodes/validate/',
    body: { symbology: 'qr', raw_value: '{{barcodeValue}}' },
    status: 200,
    expect: { valid: 'true', 'decoded.raw': '{{barcodeValue}}' },
  },
  {
    name: '08 Look the asset up',
    about: 'Which asset a scanned code names',
    method: 'GET',
    path: '/api/v1/lookups/assets/?barcode={{barcodeValue}}',
    status: 200,
    expect: { id: '{{assetId}}', asset_tag: '{{barcodeValue}}' },
  },
];
