// testcontainers for Node: a container with a log wait strategy, an exec, a file copied in before and after the start;
// with a directory as argument, a container of the image that its Dockerfile makes.
const { GenericContainer, Wait } = require('testcontainers');
const assert = require('node:assert');

async function built(directory) {
  const image = await GenericContainer.fromDockerfile(directory).withBuildArgs({ WORD: 'built' }).withCache(false).build('testcontainers-built:1');
  const container = await image.withWaitStrategy(Wait.forLogMessage('started')).start();
  assert.strictEqual((await container.exec(['cat', '/word', '/a'])).output, 'built\naaa\n');
  await container.stop();
}

async function main() {
  const container = await new GenericContainer('busybox:latest')
    .withCommand(['sh', '-c', 'cat /tmp/before.txt; echo server ready; sleep 60'])
    .withEnvironment({ A: 'b' })
    .withCopyContentToContainer([{ content: 'copied before the start\n', target: '/tmp/before.txt' }])
    .withWaitStrategy(Wait.forLogMessage('server ready'))
    .start();
  const result = await container.exec(['sh', '-c', 'echo $A; echo e >&2; exit 3']);
  assert.deepStrictEqual([result.stdout, result.stderr, result.exitCode], ['b\n', 'e\n', 3]);
  await container.copyContentToContainer([{ content: 'hello', target: '/tmp/hello.txt' }]);
  assert.strictEqual((await container.exec(['cat', '/tmp/hello.txt', '/tmp/before.txt'])).output, 'hellocopied before the start\n');
  await container.stop();
}

(process.argv[2] ? built(process.argv[2]) : main()).then(() => process.exit(0), e => { console.error(e); process.exit(1); });
