// Prints what util.parseEnv of Node.js reads in each file that is named on standard input, as one JSON array.
const { readFileSync } = require('node:fs')
const { parseEnv } = require('node:util')

const paths = readFileSync(0, 'utf8').split('\n').filter(Boolean)
console.log(JSON.stringify(paths.map((path) => ({ ...parseEnv(readFileSync(path, 'utf8')) }))))
