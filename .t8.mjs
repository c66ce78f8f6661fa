import {enableCompileCache} from 'node:module'
if(process.argv[2]) enableCompileCache('/tmp/mw/cc')
const c0=process.cpuUsage(), t=performance.now()
const {loadConfig}=await import('./base/config-load.ts')
const t1=performance.now()
loadConfig({file:'/tmp/mw/sample9.toml',cwd:'/tmp'})
const t2=performance.now(), c=process.cpuUsage(c0)
console.log((t2-t).toFixed(0),'import',(t1-t).toFixed(0),'parse',(t2-t1).toFixed(0),'cpu',((c.user+c.system)/1000).toFixed(0))
