// The official client of Node.js: an informer sees what is created, changed and deleted.
const assert = require('node:assert');
const k8s = require('@kubernetes/client-node');

async function main() {
  const config = new k8s.KubeConfig();
  config.loadFromDefault();
  const core = config.makeApiClient(k8s.CoreV1Api);
  const namespace = 'default';
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'before' } } });
  const seen = [];
  const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
    core.listNamespacedConfigMap({ namespace }));
  for (const event of ['add', 'update', 'delete']) {
    informer.on(event, (object) => seen.push(`${event} ${object.metadata.name}`));
  }
  let stopped = false;
  informer.on('error', (fault) => { if (!stopped) throw fault; });
  await informer.start();
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'late' }, data: { a: '1' } } });
  await core.replaceNamespacedConfigMap({ name: 'late', namespace, body: { metadata: { name: 'late' }, data: { a: '2' } } });
  await core.deleteNamespacedConfigMap({ name: 'late', namespace });
  const all = ['add before', 'add late', 'update late', 'delete late'];
  const deadline = Date.now() + 10000;
  const reached = () => all.every((event) => seen.includes(event));
  while (!reached() && Date.now() < deadline) await new Promise((done) => setTimeout(done, 50));
  assert.ok(reached(), seen.join(', '));
  assert.deepStrictEqual(informer.list().map((o) => o.metadata.name).filter((n) => !n.endsWith('.crt')).sort(), ['before']);
  stopped = true;
  await informer.stop();
  await assert.rejects(core.readNamespacedConfigMap({ name: 'late', namespace }), (fault) => fault.code === 404);
  console.log('ok');
  process.exit(0);
}
main().catch((fault) => { console.error(fault); process.exit(1); });
