// Loaded before a program (--import): each SIGUSR2 makes its wall clock jump, an hour ahead, then an hour behind, then
// right again. Its monotonic clock goes on, as a machine's does.
const hourMs = 3_600_000;
const jumpsMs = [hourMs, -hourMs, 0];
const RealDate = Date;
const realNow = Date.now;
let jumpMs = 0;
let count = 0;

process.on("SIGUSR2", () => {
  jumpMs = jumpsMs[count++ % jumpsMs.length];
});

Date.now = () => realNow() + jumpMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [Date.now()] : args, newTarget),
});
