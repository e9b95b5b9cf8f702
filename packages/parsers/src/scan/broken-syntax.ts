/**
 * Thrown inside a parser when the text cannot be what it began as; caught where that piece of syntax was opened.
 * No Error: it never leaves the package, and a stack trace would cost more than the parse.
 */
export class BrokenSyntax {}

/** One for all: it carries nothing. */
export const brokenSyntax = new BrokenSyntax();
