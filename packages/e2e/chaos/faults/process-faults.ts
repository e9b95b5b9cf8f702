import { ask, createAgent } from "../ask.ts";
import { modelName, vocabSize } from "../deployment.ts";
import { type Fault, pause } from "../fault.ts";
import { createQuestions } from "../question.ts";
import { splitRoles } from "../stages.ts";

/** The first `count` workers, one after the other, each started again. */
export function workerKill(count: number): Fault {
  return {
    name: "worker SIGKILL",
    inject: async ({ stage: { deployment } }) => {
      for (const [index, { program }] of deployment.workers.slice(0, count).entries()) {
        await program.stop("SIGKILL");
        await pause(500);
        await deployment.startWorker(index);
      }
      return { means: "signal, one worker after the other, each started again" };
    },
  };
}

/** `kind`: of the worker with this index. */
function stopAndContinue(kind: string, index: number): Fault {
  return {
    name: `${kind} SIGSTOP 20 s and back`,
    inject: async ({ stage: { deployment } }) => {
      const { process } = deployment.workers[index]!.program;
      process.kill("SIGSTOP");
      await pause(20_000);
      process.kill("SIGCONT");
      await pause(3_000);
      return { means: "signal" };
    },
  };
}

export const workerStop = stopAndContinue("worker", 0);
/** Of a split stage. */
export const prefillStop = stopAndContinue("prefill worker", splitRoles.indexOf("prefill"));
export const decodeStop = stopAndContinue("decode worker", splitRoles.indexOf("decode"));

export const frontendRestart: Fault = {
  name: "frontend restart",
  inject: async ({ stage: { deployment } }) => {
    await deployment.stopFrontend();
    await deployment.startFrontend();
    await deployment.untilRouted(deployment.workers.length);
    return { means: "SIGTERM and started again; clients that find nobody there try again" };
  },
};

/** `count` clients beside the load, most of whom leave before or in the answer. */
export function clientsThatLeave(count: number): Fault {
  return {
    name: `${count.toLocaleString("en")} clients that connect and leave`,
    inject: async ({ stage: { deployment }, random }) => {
      const agent = createAgent();
      const questions = createQuestions(count, 32, vocabSize, random);
      const hung: string[] = [];
      await Promise.all(
        questions.map(async (question) => {
          await pause(random() * 3_000);
          const options = { url: deployment.url, model: modelName, agent, hangMs: 60_000 };
          const answer = await ask(question, { ...options, leaveAfterMs: random() ** 2 * 2_000 });
          if (answer.failure === "hung") hung.push(answer.reason);
        }),
      );
      agent.destroy();
      if (hung.length > 0) throw new Error(`${hung.length} of the leaving clients hung.`);
      return { means: "real connections, beside the load that is counted here" };
    },
  };
}

export const clockJump: Fault = {
  name: "clock jump, an hour ahead and an hour behind",
  inject: async ({ stage }) => {
    const { deployment } = stage;
    const programs = [deployment.frontend, ...deployment.workers.map(({ program }) => program)];
    for (let jump = 0; jump < 3; jump++) {
      for (const { process } of programs) process.kill("SIGUSR2");
      await pause(4_000);
    }
    return {
      means: "injected clock, all processes",
      discoverySeconds: await stage.probeDiscovery(),
    };
  },
};
