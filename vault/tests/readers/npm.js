// Prints what the npm package dotenv, in the folder that is named, reads in each file that is named on standard input, as one JSON
// array.
const { readFileSync } = require('node:fs')
const { parse } = require(process.argv[2])

const paths = readFileSync(0, 'utf8').split('\n').filter(Boolean)
console.log(JSON.stringify(paths.map((path) => ({ ...parse(readFileSync(path, 'utf8')) }))))
