// Runs programs one after the other in this process, which they share: loading their libraries is most of the work.
// DYN_SNIPPETS: the folder they run in, and their paths. Behind the output of each comes a line, `ran` or `failed`, and what it threw.
import { pathToFileURL } from "node:url";

const { folder, files } = JSON.parse(process.env.DYN_SNIPPETS!) as {
  folder: string;
  files: string[];
};
process.chdir(folder);
for (const file of files) {
  try {
    await import(pathToFileURL(file).href);
    console.log(`\nran ${file}`);
  } catch (error) {
    console.log(error);
    console.log(`\nfailed ${file}`);
  }
}
// Servers of theirs may still listen.
process.exit(0);
