// dockerode's documented calls, against the socket given as argument.
const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { PassThrough, Readable } = require('node:stream');
const { execFileSync } = require('node:child_process');
const Docker = require('dockerode');

const docker = new Docker({ socketPath: process.argv[2] });

function collect() {
  const stream = new PassThrough();
  const chunks = [];
  stream.on('data', (c) => chunks.push(c));
  return { stream, bytes: () => Buffer.concat(chunks), text: () => Buffer.concat(chunks).toString() };
}

const ended = (stream) => new Promise((resolve, reject) => stream.on('end', resolve).on('close', resolve).on('error', reject));

const steps = {
  async run() {
    const out = collect();
    const err = collect();
    const [result, container] = await docker.run('busybox', ['sh', '-c', 'echo out; echo err >&2; exit 5'], [out.stream, err.stream], { Tty: false });
    assert.equal(result.StatusCode, 5);
    assert.equal(out.text(), 'out\n');
    assert.equal(err.text(), 'err\n');
    await container.remove();
  },
  async exec() {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'] });
    await container.start();
    const exec = await container.exec({ Cmd: ['sh', '-c', 'echo in exec; exit 3'], AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    const out = collect();
    docker.modem.demuxStream(stream, out.stream, out.stream);
    await ended(stream);
    assert.equal(out.text(), 'in exec\n');
    assert.equal((await exec.inspect()).ExitCode, 3);

    const cat = await container.exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true });
    const both = await cat.start({ hijack: true, stdin: true });
    const echoed = collect();
    docker.modem.demuxStream(both, echoed.stream, echoed.stream);
    both.write('there and back');
    both.end();
    await ended(both);
    assert.equal(echoed.text(), 'there and back');
    await container.remove({ force: true });
  },
  async attachWaitLogs() {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'read x; echo "got $x"; exit 2'], OpenStdin: true, StdinOnce: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const out = collect();
    docker.modem.demuxStream(stream, out.stream, out.stream);
    await container.start();
    stream.end('word\n');
    assert.equal((await container.wait()).StatusCode, 2);
    await ended(stream);
    assert.equal(out.text(), 'got word\n');
    const logs = await container.logs({ stdout: true, stderr: true });
    assert.ok(logs.toString().includes('got word\n'));
    await container.remove();
  },
  async events() {
    const events = await docker.getEvents({ filters: { type: ['container'] } });
    const seen = [];
    const done = new Promise((resolve) => {
      let rest = '';
      events.on('data', (chunk) => {
        rest += chunk;
        const lines = rest.split('\n');
        rest = lines.pop();
        for (const line of lines) {
          const event = JSON.parse(line);
          seen.push(event.Action);
          if (event.Action === 'destroy') resolve();
        }
      });
    });
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['true'] });
    await container.start();
    await container.wait();
    await container.remove();
    await done;
    events.destroy();
    assert.deepEqual(seen.filter((a) => a !== 'attach'), ['create', 'start', 'die', 'destroy']);
  },
  async build() {
    const context = fs.mkdtempSync(path.join(os.tmpdir(), 'dockerode-'));
    fs.writeFileSync(path.join(context, 'Dockerfile'), 'FROM busybox\nARG WORD\nCOPY a /a\nRUN echo $WORD >>/a\nCMD ["cat", "/a"]\n');
    fs.writeFileSync(path.join(context, 'a'), 'copied\n');
    const reply = await docker.buildImage({ context, src: ['Dockerfile', 'a'] }, { t: 'dockerode-built:1', buildargs: { WORD: 'built' } });
    const lines = await new Promise((resolve, reject) => docker.modem.followProgress(reply, (e, all) => (e ? reject(e) : resolve(all))));
    fs.rmSync(context, { recursive: true });
    const { Id } = await docker.getImage('dockerode-built:1').inspect();
    assert.equal(lines.find((line) => line.aux)?.aux.ID, Id);
    const out = collect();
    const [result, container] = await docker.run('dockerode-built:1', [], out.stream);
    assert.deepEqual([result.StatusCode, out.text().replaceAll('\r', '')], [0, 'copied\nbuilt\n']);
    await container.remove();
    await docker.getImage('dockerode-built:1').remove();
  },
  async images() {
    const repo = process.env.REGISTRY + '/dockerode';
    const follow = (stream) => new Promise((resolve, reject) => docker.modem.followProgress(stream, (e, lines) => (e ? reject(e) : resolve(lines))));
    const tags = async () => (await docker.listImages()).flatMap((i) => i.RepoTags);
    const gone = (name) => assert.rejects(docker.getImage(name).inspect(), (e) => e.statusCode === 404 && e.json.message === `No such image: ${name}`);

    const busybox = await docker.getImage('busybox').inspect();
    await docker.getImage('busybox').tag({ repo, tag: '1' });
    assert.ok((await tags()).includes(repo + ':1'));
    assert.deepEqual((await docker.listImages({ filters: { reference: [repo] } })).map((i) => i.Id), [busybox.Id]);
    assert.deepEqual((await docker.getImage(repo + ':1').history())[0].Id, busybox.Id);
    const pushed = await follow(await docker.getImage(repo).push({ tag: '1', authconfig: {} }));
    const { Digest } = pushed.find((line) => line.aux).aux;
    assert.equal((await docker.getImage(repo + ':1').distribution()).Descriptor.digest, Digest);

    const saved = collect();
    const tar = await docker.getImage(repo + ':1').get();
    tar.pipe(saved.stream);
    await ended(tar);
    await docker.getImage(repo + ':1').remove();
    await gone(repo + ':1');
    const loaded = await follow(await docker.loadImage(Readable.from([saved.bytes()])));
    assert.equal(loaded.at(-1).stream, `Loaded image: ${repo}:1\n`);
    await docker.getImage(repo + ':1').remove();
    const pulled = await follow(await docker.pull(repo + ':1'));
    assert.equal(pulled.at(-1).status, `Status: Image is up to date for ${repo}:1`);
    assert.equal((await docker.getImage(repo + '@' + Digest).inspect()).Id, busybox.Id);
    await docker.getImage(repo + ':1').remove();
    await gone(repo + ':1');
    await assert.rejects(docker.pull(repo + ':absent'), { statusCode: 404 });

    const context = require('node:fs').mkdtempSync(require('node:os').tmpdir() + '/dockerode-');
    fs.writeFileSync(context + '/x', 'x');
    execFileSync('tar', ['-C', context, '-cf', context + '/x.tar', 'x']);
    const imported = await follow(await docker.importImage(context + '/x.tar', {}));
    fs.rmSync(context, { recursive: true });
    assert.match(imported.at(-1).status, /^sha256:/);
    const pruned = await docker.pruneImages({ filters: { dangling: ['true'] } });
    assert.ok(pruned.ImagesDeleted.some((i) => i.Deleted === imported.at(-1).status) && pruned.SpaceReclaimed > 0);
  },
};

(async () => {
  await steps[process.argv[3]]();
  process.exit(0);
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
