// Node's ways, asked as resident.h says.
const { spawn, spawnSync } = require("node:child_process");

const [tiny, probe] = process.argv.slice(-2);

const jobs = {
  run(count) {
    for (let i = 0; i < count; i++) spawnSync(tiny, [], { stdio: "ignore" });
  },
  async spawned(count) {
    for (let i = 0; i < count; i++) {
      await new Promise((end) => spawn(tiny, [], { stdio: "ignore" }).on("exit", end));
    }
  },
  capture(count) {
    for (let i = 0; i < count; i++) {
      spawnSync(tiny, [], { stdio: ["ignore", "pipe", "pipe"] });
    }
  },
  output(count) {
    spawnSync(probe, ["--out", String(count)], { maxBuffer: Infinity });
  },
};

async function serve() {
  for await (const line of require("node:readline").createInterface(process.stdin)) {
    const [name, count] = line.split(" ");
    const start = process.hrtime.bigint();
    if (jobs[name]) await jobs[name](Number(count));
    console.log(jobs[name] ? String(process.hrtime.bigint() - start) : "-");
  }
}

serve();
