import BrowserHarness
import Testing

/// The page's modules, one by one, in the browser that they are written for.
@Suite(.serialized) struct DashboardPartsTests {
    /// Runs a script that imports what it tests from `folder` and calls `check(what, holds)`.
    private func expect(_ script: String) async throws {
        try await inBrowser(FakeNode()) { browser, address in
            try await browser.open(address)
            let wrong = try await browser.value(
                of: """
                    (async () => {
                        const folder = document.querySelector('script[type=module]').src.replace('app.js', '');
                        const wrong = [];
                        const check = (what, holds) => { if (!holds) wrong.push(what); };
                        \(script)
                        return wrong;
                    })()
                    """)
            #expect(wrong as? [String] == [])
        }
    }

    @Test func theStreamIsReadHoweverItIsCut() async throws {
        try await expect(
            """
            const { EventStreamParser } = await import(folder + 'live/event-stream.js');
            const text = ': hello\\nretry: 5\\n\\nevent: reading\\nid: 1\\ndata: {"a":"ü\u{1F426}"}\\n\\ndata: x\\ndata: y\\n\\nevent: lost\\nid: 2\\n\\n'
                + 'event: anomaly\\r\\nid: 3\\r\\ndata:z\\r\\n\\r\\n: beat\\n\\nevent: reading\\nid: 4\\ndata: unfinished';
            const wanted = JSON.stringify([{ name: 'reading', data: '{"a":"ü\u{1F426}"}' }, { name: 'message', data: 'x\\ny' }, { name: 'anomaly', data: 'z' }]);
            const whole = new EventStreamParser();
            check('whole', JSON.stringify(whole.push(text)) === wanted);
            check('the last complete id', whole.lastID === '3');
            for (let size = 1; size < 12; size += 1) {
                const parser = new EventStreamParser();
                const events = [];
                for (let start = 0; start < text.length; start += size) events.push(...parser.push(text.slice(start, start + size)));
                check('cut into ' + size, JSON.stringify(events) === wanted && parser.lastID === '3');
            }
            let isBounded = false;
            try { const endless = new EventStreamParser(); for (let part = 0; part < 40; part += 1) endless.push('x'.repeat(1 << 16)); } catch { isBounded = true; }
            check('an event without an end is given up', isBounded);
            """)
    }

    /// A pruner that waits may wait for a person.
    @Test func thePrunersWaitIsMarked() async throws {
        try await expect(
            """
            const { FlockStrip } = await import(folder + 'fleet/flock-strip.js');
            let tell;
            const watch = { view: null, ledger: null, rate: 0, trail: [], onChange: then => { tell = then; return () => {}; } };
            const strip = new FlockStrip(watch);
            const pruner = strip.element.querySelector('.nodes .fact-more');
            const show = more => { watch.view = { members: [], pruner: more }; tell(); return pruner; };
            const why = 'waits: more than half of the devices fell silent together';
            check('nobody', show({ leader: null, last_result: why }).textContent === 'nobody prunes now' && pruner.dataset.bad !== 'true');
            check('waits', show({ leader: 'n1', last_result: why }).textContent === 'n1 waits to prune');
            check('why', pruner.title === why && pruner.dataset.bad === 'true');
            check('goes on', show({ leader: 'n1', last_result: 'hid 2' }).textContent === 'pruned by n1' && pruner.title === '' && pruner.dataset.bad !== 'true');
            """)
    }

    @Test func theFleetIsWhatWasHeardLast() async throws {
        try await expect(
            """
            const { Fleet } = await import(folder + 'fleet/fleet.js');
            const at = seconds => new Date(1.8e12 + seconds * 1000).toISOString();
            const metric = (type, value, seconds, more = {}) => ({ type, value, result: 'normal', confidence: 1, score: 0, model: 'm@1', timestamp: at(seconds), silent: false, ...more });
            const device = (id, ...metrics) => ({ device_id: id, metrics });
            const fleet = new Fleet();
            const ids = (state = 'all', more = {}) => fleet.select({ state, type: '', words: '', ...more }, now).map(one => one.id).join();
            let now = 0;
            fleet.takeDevices([device('b', metric('t', 1, 5)), device('a', metric('t', 1, 5), metric('h', 2, 5))], now);
            fleet.endRound(false, now);
            check('by id', ids() === 'a,b');
            check('metrics by type', [...fleet.get('a').metrics.keys()].join() === 'h,t');
            fleet.takeReadings([{ device_id: 'b', ...metric('t', 9, 4) }], now);
            check('the older changes nothing', fleet.get('b').metrics.get('t').value === 1);
            fleet.takeReadings([{ device_id: 'b', ...metric('t', 9, 6, { result: 'anomaly', reason: 'why' }) }], now);
            check('the anomalous first', ids() === 'b,a' && ids('anomaly') === 'b');
            fleet.takeReadings([{ device_id: 'b', ...metric('t', 8, 7) }], now += 1000);
            check('and for a while after', ids() === 'b,a' && ids('anomaly') === '');
            now += 60000;
            check('not for ever', ids() === 'a,b');
            fleet.takeReadings([{ device_id: 'b', ...metric('t', 8, 7, { silent: true }) }], now);
            check('silence is told with the same reading', ids('silent') === 'b' && ids('online') === 'a');
            const counts = fleet.counts();
            check('counts', counts.all === 2 && counts.online === 1 && counts.silent === 1 && counts.anomaly === 0);
            check('by metric', ids('all', { type: 'h' }) === 'a');
            check('by words', ids('all', { words: 'b' }) === 'b');
            fleet.takeDevices([device('a', metric('t', 1, 5), metric('h', 2, 5)), device('b', metric('t', 8, 7))], now);
            fleet.endRound(false, now);
            fleet.takeReadings([{ device_id: 'c', ...metric('t', 8, 7) }], now);
            fleet.takeDevices([device('a', metric('t', 1, 8))], now);
            fleet.takeReadings([{ device_id: 'd', ...metric('t', 8, 7) }], now);
            fleet.endRound(false, now);
            check('who is not in the whole is gone, but who came meanwhile', ids() === 'a,c,d');
            check('a metric that is gone is gone', [...fleet.get('a').metrics.keys()].join() === 't' && !fleet.types.has('h'));
            fleet.takeDevices([device('a', metric('t', 1, 9))], now);
            fleet.endRound(true, now);
            check('where a node did not answer nobody goes', ids() === 'a,c,d' && fleet.get('c').isUnanswered && !fleet.get('a').isUnanswered);
            fleet.takeReadings([{ device_id: 'd', ...metric('t', 8, 20, { result: 'anomaly' }) }], now);
            fleet.takeDevices([device('d', metric('t', 7, 19)), device('a', metric('t', 6, 3))], now);
            check('what was heard since is newer than the whole', fleet.get('d').metrics.get('t').value === 8);
            fleet.endRound(false, now);
            check('the whole may be older, after a deletion', fleet.get('a').metrics.get('t').value === 6);
            fleet.takeReadings([{ device_id: 'e', ...metric('t', 1, 0, { timestamp: 'never' }) }], now);
            check('a time that is none', fleet.get('e').metrics.size === 0);
            """)
    }

    @Test func timesAreRoundAndRangesHaveEnds() async throws {
        try await expect(
            """
            const { ticks } = await import(folder + 'charts/ticks.js');
            const { TimeRange, PRESETS } = await import(folder + 'charts/time-range.js');
            for (const length of [5e3, 6e4, 9e5, 3.6e6, 8.64e7, 6.048e8, 2.7e9]) {
                for (let start = 1.79e12; start < 1.79e12 + 1e9; start += 1.37e8) {
                    const { values, label } = ticks(start, start + length, 8);
                    check(`${values.length} ticks for ${length}`, values.length >= 2 && values.length <= 10);
                    check('within', values.every(value => value >= start && value <= start + length));
                    check('each once', new Set(values.map(label)).size === values.length);
                }
            }
            const now = 1.8e12;
            const range = new TimeRange(now, NaN, NaN);
            check('follows', range.following === PRESETS[0][1] && range.to > now);
            range.zoom(1e-9, 0.5, now);
            check('has a shortest', range.to - range.from >= 5000);
            range.zoom(1e12, 0.5, now);
            check('has a longest', range.to - range.from <= 31.1 * 864e5);
            range.pan(1e6, now);
            check('ends about now', range.to <= now + (range.to - range.from) * 0.03);
            range.choose(0.25, 0.75, now);
            check('stands still', !range.tick(now + 1e6) && range.following === null);
            check('an address may say anything', new TimeRange(now, 5, 4).following !== null && new TimeRange(now, Infinity, -1).following !== null);
            """)
    }

    /// The memory of the graphs, against storages that are full, broken, or refuse.
    @Test func itsMemoryIsBoundedAndTrustsNothing() async throws {
        try await expect(
            """
            const { History } = await import(folder + 'fleet/history.js');
            const store = (text, roomMax) => ({
                text, tries: 0,
                getItem() { return this.text; },
                setItem(key, text) { this.tries += 1; if (text.length > roomMax) throw new Error('quota'); this.text = text; },
            });
            for (const text of ['{', 'null', '7', '{}', '[7]', '[["a"]]', '[["a",[["t",[[1],[null,2],["x",1],7]]]]]', '[[1,[]]]']) {
                const history = new History(store(text, 1e9));
                check('corrupt ' + text, history.points('a', 't').length === 0);
                history.add('a', 't', 1, 2, false);
                check('usable after ' + text, history.points('a', 't').length === 1);
            }
            const roomy = store(null, 1e9);
            const history = new History(roomy);
            for (let time = 0; time < 1000; time += 1) history.add('a', 't', time, time / 3, time % 2 === 0);
            history.add('a', 't', 5, 5, false);
            history.add('a', 'u', Number.NaN, 5, false);
            check('bounded', history.points('a', 't').length === 120);
            check('newest kept', history.points('a', 't')[119][0] === 999);
            history.save(1);
            const again = new History(roomy);
            check('same after a reload', JSON.stringify(again.points('a', 't')) === JSON.stringify(history.points('a', 't')));
            again.makeRoomBeside(() => false);
            check('who went is remembered while there is room', again.points('a', 't').length === 120);
            again.forgetAfter('a', 't', 990);
            check('what was later than the series has readings is forgotten', again.points('a', 't').at(-1)[0] === 990);
            again.addBefore('a', 't', [[1, 1, 0], [879, 5, 0], [995, 5, 0]]);
            check('what was before is added while there is room', again.points('a', 't').map(point => point[0]).slice(0, 3).join() === '1,879,880');
            const tight = store(null, 700);
            const squeezed = new History(tight);
            for (let time = 0; time < 120; time += 1) squeezed.add('a', 't', time, 1, false);
            squeezed.save(1);
            const kept = new History(tight).points('a', 't');
            check('a full storage keeps the newest', kept.length >= 15 && kept.length < 120 && kept.at(-1)[0] === 119);
            const none = store(null, -1);
            const refused = new History(none);
            refused.add('a', 't', 1, 1, false);
            refused.save(1);
            check('a storage that refuses is left alone', none.tries > 0 && none.tries < 10);
            const off = new History(null);
            off.add('a', 't', 1, 1, false);
            off.save(1);
            check('no storage at all', off.points('a', 't').length === 1);
            for (let device = 0; device < 5000; device += 1) off.add('d' + device, 't', 1, 1, false);
            check('devices are bounded', off.points('d4999', 't').length === 0);
            const small = new History(store(null, 1e9));
            small.add('a', 't', 1, 2, false, [1.5, 2.5]);
            check('where the next was expected', JSON.stringify(small.points('a', 't')) === '[[1,2,0,1.5,2.5]]');
            for (let device = 0; device < 5000; device += 1) small.add('d' + device, 't', 1, 1, false);
            small.makeRoom('looked at');
            small.add('looked at', 't', 1, 1, false);
            check('nobody there: room for others', (small.makeRoomBeside(() => false), small.has('a')) === false);
            check('room for who is looked at', small.points('looked at', 't').length === 1);
            """)
    }
}
