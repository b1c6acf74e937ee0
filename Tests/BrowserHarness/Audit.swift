/// What a program can judge of how well a page can be used without a mouse, without eyes, or with weak ones: in the page,
/// after the rules of WCAG 2.1 AA that can be decided by looking at it.
extension Browser {
    /// - Returns: what is wrong, in words that name the element; empty if nothing is.
    package func audit() async throws -> [String] {
        try await value(of: "(() => {\(Self.rules)})()") as? [String] ?? ["the audit did not run"]
    }

    private static let rules = """
        const wrong = [];
        const isSeen = element => element.getClientRects().length > 0 && !element.closest('[hidden], [aria-hidden="true"], template, noscript');
        const seen = selector => [...document.querySelectorAll(selector)].filter(isSeen);
        const describe = element => `<${element.localName}${element.id ? '#' + element.id : ''}${typeof element.className === 'string' && element.className ? '.' + element.className.split(' ').join('.') : ''}> ${element.textContent.trim().slice(0, 40)}`;
        \(names)
        \(structure)
        \(contrast)
        return [...new Set(wrong)];
        """

    /// Whatever can be acted on, and every picture, has a name (4.1.2, 1.1.1); ids are ids (4.1.1).
    private static let names = """
        const nameOf = element => {
            const by = element.getAttribute('aria-labelledby');
            if (by) return by.split(' ').map(id => document.getElementById(id)?.textContent ?? '').join(' ').trim();
            const label = element.getAttribute('aria-label');
            if (label) return label.trim();
            if (element.labels?.length) return [...element.labels].map(one => one.textContent).join(' ').trim();
            if (element.localName === 'img') return element.alt;
            if (['input', 'select', 'textarea'].includes(element.localName)) return element.title;
            return (element.textContent || element.title || '').trim();
        };
        for (const element of seen('a[href], button, input, select, textarea, [role=button], [role=img], [role=region], [role=group], [role=table], canvas[role], section, nav, dialog, summary')) {
            if (!nameOf(element)) wrong.push('no name: ' + describe(element));
        }
        for (const canvas of seen('canvas, svg')) {
            if (canvas.getAttribute('role') !== 'img' && !canvas.closest('[aria-hidden=true], button')) wrong.push('a picture that is neither named nor hidden: ' + describe(canvas));
        }
        const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
        for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push('an id twice: ' + id);
        for (const element of document.querySelectorAll('[aria-labelledby], [aria-describedby], [aria-controls]')) {
            for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls']) {
                for (const id of (element.getAttribute(attribute) ?? '').split(' ').filter(Boolean)) {
                    if (!document.getElementById(id)) wrong.push(`${attribute} names nobody: ${describe(element)}`);
                }
            }
        }
        """

    /// Language, title, landmarks (1.3.1, 2.4.1, 2.4.2, 3.1.1); roles within what they belong to; focus that follows the
    /// order of the page (2.4.3); nothing to act on within what is hidden; targets that a finger hits (2.5.8).
    private static let structure = """
        if (!document.documentElement.lang) wrong.push('no language');
        if (!document.title) wrong.push('no title');
        if (seen('main').length !== 1) wrong.push('not one main');
        if (!document.querySelector('meta[name=viewport]') || /user-scalable=no|maximum-scale/.test(document.querySelector('meta[name=viewport]').content)) wrong.push('no zoom');
        const roles = new Set(['alert', 'button', 'cell', 'columnheader', 'group', 'img', 'region', 'row', 'rowgroup', 'status', 'table']);
        const parents = { row: '[role=table], [role=rowgroup], table', cell: '[role=row], tr' };
        for (const element of document.querySelectorAll('[role]')) {
            const role = element.getAttribute('role');
            if (!roles.has(role)) wrong.push(`role ${role}: ${describe(element)}`);
            if (parents[role] && isSeen(element) && !element.parentElement.closest(parents[role])) wrong.push(`${role} outside: ${describe(element)}`);
        }
        for (const item of seen('li')) if (!['OL', 'UL'].includes(item.parentElement.tagName)) wrong.push('li outside: ' + describe(item));
        for (const item of seen('dt, dd')) if (!item.closest('dl')) wrong.push('outside of a list: ' + describe(item));
        for (const element of document.querySelectorAll('[tabindex]')) if (element.tabIndex > 0) wrong.push('tabindex: ' + describe(element));
        for (const element of document.querySelectorAll('[aria-hidden=true] a[href], [aria-hidden=true] button, [aria-hidden=true] input')) {
            if (element.tabIndex >= 0) wrong.push('hidden and reached by the keyboard: ' + describe(element));
        }
        for (const element of seen('button, select, input, .nav a')) {
            const box = element.getBoundingClientRect();
            if (box.width < 24 || box.height < 24) if (element.type !== 'checkbox') wrong.push(`small (${box.width.toFixed(0)} x ${box.height.toFixed(0)}): ${describe(element)}`);
        }
        """

    /// 4.5 to 1 of a text to its ground, 3 to 1 where it is large (1.4.3).
    private static let contrast = """
        const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number).map((part, index) => /^color\\(/.test(text) && index < 3 ? part * 255 : part);
        const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const ground = element => {
            for (let e = element; e; e = e.parentElement) {
                const colour = parse(getComputedStyle(e).backgroundColor);
                if (colour.length === 3 || colour[3] > 0.99) return colour;
            }
            return [255, 255, 255];
        };
        const faintness = element => {
            let part = 1;
            for (let e = element; e; e = e.parentElement) part *= Number(getComputedStyle(e).opacity);
            return part;
        };
        for (const element of document.querySelectorAll('body *')) {
            const text = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
            if (!text || !isSeen(element) || element.closest('.unseen, .skip, [disabled]') || element.localName === 'option') continue;
            const style = getComputedStyle(element);
            if (style.clipPath === 'inset(50%)') continue;
            const below = ground(element);
            const part = faintness(element);
            const ink = parse(style.color).slice(0, 3).map((c, i) => c * part + below[i] * (1 - part));
            const [a, b] = [light(ink), light(below)];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            const size = parseFloat(style.fontSize);
            const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
            if (ratio < (isLarge ? 3 : 4.5)) wrong.push(`faint (${ratio.toFixed(2)}): ${describe(element)}`);
        }
        if (document.scrollingElement.scrollWidth > innerWidth) {
            const wide = seen('body *').find(e => e.getBoundingClientRect().right > innerWidth + 1);
            wrong.push('wider than the window: ' + (wide ? describe(wide) : '?'));
        }
        """
}
